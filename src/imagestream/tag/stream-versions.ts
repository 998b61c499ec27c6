import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'

/** Versions of streams whose status changes. */
export interface StreamVersions {
  /** Raises the stream's resource version once in the transaction. */
  raise(tx: Transaction, streamId: number): void
  raiseGeneration(streamId: number): void
}

export function createStreamVersions(db: Database): StreamVersions {
  const raise = db.prepare(`
    update image_streams as s set resource_version = resource_version + 1,
      newest_at = max(newest_at, coalesce((select max(newest_at) from tags where stream_id = s.id), 0)) where id = ?`)
  const raiseGeneration = db.prepare('update image_streams set generation = generation + 1 where id = ?')

  return {
    raise: (tx, streamId) =>
      tx.beforeCommit(`raise the version of stream ${streamId}`, () => raise.run(streamId)),
    raiseGeneration: (streamId) => void raiseGeneration.run(streamId),
  }
}
