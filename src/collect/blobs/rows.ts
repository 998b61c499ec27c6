import type { Database } from '../../db/open.ts'
import { columnsOf } from '../../db/rows.ts'
import { collections } from '../../db/tables/index.ts'

/** One run of the garbage collection; times are milliseconds since 1970. */
export interface Collection {
  readonly id: number
  readonly startedAt: number
  /** Null while it runs, and for good when it was stopped before its end; `message` tells one from the other. */
  readonly finishedAt: number | null
  readonly manifests: number
  readonly blobs: number
  readonly uploads: number
  /** Bytes of disk that came back. */
  readonly bytes: number
  /** Why it did not do all of its work; null while it runs, and when it did. */
  readonly message: string | null
}

/** What went so far. */
export type Tally = { -readonly [Count in 'manifests' | 'blobs' | 'uploads' | 'bytes']: Collection[Count] }

export interface CollectionRows {
  start(at: number): number
  end(id: number, tally: Tally, end: Pick<Collection, 'finishedAt' | 'message'>): void
  byId(id: number): Collection | undefined
  /** The newest. */
  last(): Collection | undefined
  /** When the newest that came to its end, well or not, did so. */
  lastFinish(): number | undefined
  /** Says of what an end of the server left running that it does not run. */
  closeInterrupted(): void
}

export function createCollectionRows(db: Database): CollectionRows {
  const columns = columnsOf(collections, 'c')
  const insert = db.prepare(
    'insert into collections (started_at, manifests, blobs, uploads, bytes) values (?, 0, 0, 0, 0)',
  )
  const update = db.prepare(
    `update collections set manifests = ?, blobs = ?, uploads = ?, bytes = ?, finished_at = ?, message = ?
     where id = ?`,
  )
  const byId = db.prepare<Collection>(`select ${columns} from collections c where id = ?`)
  const last = db.prepare<Collection>(`select ${columns} from collections c order by id desc limit 1`)
  const lastFinish = db.prepare<{ at: number }>(
    'select finished_at as at from collections where finished_at is not null order by id desc limit 1',
  )
  const close = db.prepare(
    `update collections set message = 'the server ended before it did; the next collection does the rest'
     where finished_at is null and message is null`,
  )
  return {
    start: (at) => db.transact(() => insert.insert(at)),
    end: (id, { manifests, blobs, uploads, bytes }, { finishedAt, message }) =>
      void db.transact(() => update.run(manifests, blobs, uploads, bytes, finishedAt, message, id)),
    byId: (id) => byId.get(id),
    last: () => last.get(),
    lastFinish: () => lastFinish.get()?.at,
    closeInterrupted: () => void db.transact(() => close.run()),
  }
}
