import { BATCH, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Repository } from '../../registry/content/content.ts'

/** All repositories in parts, in the order in which they were made, a turn of the event loop after each part. */
export type RepositoryPages = (signal: AbortSignal | undefined) => AsyncGenerator<readonly Repository[]>

export function createRepositoryPages(db: Database): RepositoryPages {
  const page = db.prepare<Repository>(
    `select id, namespace, name, stream_id as streamId from repositories where id > ? order by id limit ${BATCH}`,
  )
  return async function* (signal) {
    for (let rows = page.all(0); rows.length > 0; rows = page.all(rows.at(-1)?.id ?? 0)) {
      yield rows
      await yieldToEventLoop(signal)
    }
  }
}
