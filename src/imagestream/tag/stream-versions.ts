import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'

/** Versions of streams whose status changes. */
export class StreamVersions {
  readonly #raise
  readonly #raiseGeneration

  constructor(db: Database) {
    this.#raise = db.prepare(`
      update image_streams as s set resource_version = resource_version + 1,
        newest_at = max(newest_at, coalesce((select max(newest_at) from tags where stream_id = s.id), 0)) where id = ?`)
    this.#raiseGeneration = db.prepare('update image_streams set generation = generation + 1 where id = ?')
  }

  /** Raises the stream's resource version once in the transaction. */
  raise(tx: Transaction, streamId: number): void {
    tx.beforeCommit(`raise the version of stream ${streamId}`, () => this.#raise.run(streamId))
  }

  raiseGeneration(streamId: number): void {
    this.#raiseGeneration.run(streamId)
  }
}
