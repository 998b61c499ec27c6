import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'

export interface SpecScheduleDependencies {
  readonly db: Database
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds from the end of one import to the next. */
  readonly intervalMs: number
}

/** Which sources the specs want to be imported again and again, as rows, and from when on. */
export interface SpecSchedules {
  /** Makes the stream's rows those that its spec wants. Whether that changed any. */
  match(tx: Transaction, streamId: number): boolean
  /** The same for all streams. */
  matchAll(tx: Transaction): void
  /** Makes due within the next interval what is due in more milliseconds than these. */
  pullIn(tx: Transaction, farthest: { readonly succeeding: number; readonly failing: number }): void
}

/** Milliseconds by which a clock may be corrected without a word: a due time that is only so far off is left alone. */
const CLOCK_SLACK = 60_000

const REPOSITORY_IS_SCHEDULED = 'scheduled and docker_image_repository is not null'
/** As `isImportable` says. */
const TAG_IS_SCHEDULED = `scheduled and from_kind = 'DockerImage' and not reference`

// Multiples of the golden ratio, whole numbers taken off, lie as evenly as can be, wherever one begins to look and
// however many there are: so do the first due times of streams that were created one after the other.
const MULTIPLE = 'stream_id * 0.6180339887498949'
const SPREAD = `cast((${MULTIPLE} - cast(${MULTIPLE} as integer)) * ? as integer)`

const addMissing = (streams: string): string => `
  insert into import_schedules (stream_id, tag, due_at)
  select stream_id, tag, ? + ${SPREAD} from (
    select id as stream_id, '' as tag from image_streams where ${REPOSITORY_IS_SCHEDULED}
    union all select stream_id, name from spec_tags where ${TAG_IS_SCHEDULED})
  where ${streams} on conflict (stream_id, tag) do nothing`
const dropUnwanted = (streams: string): string => `
  delete from import_schedules as s where ${streams}
    and not exists (select 1 from image_streams where id = s.stream_id and s.tag = '' and ${REPOSITORY_IS_SCHEDULED})
    and not exists (select 1 from spec_tags where stream_id = s.stream_id and name = s.tag and ${TAG_IS_SCHEDULED})`

export function createSpecSchedules({ db, now, intervalMs }: SpecScheduleDependencies): SpecSchedules {
  const ofOne = 'stream_id = ?'
  const dropOfOne = db.prepare(dropUnwanted(ofOne))
  const addToOne = db.prepare(addMissing(ofOne))
  const pullIn = db.prepare(`
    update import_schedules set due_at = ? + ${SPREAD}
    where due_at > ? and (reason is null or due_at > ?)`)

  return {
    match(_tx, streamId) {
      const dropped = dropOfOne.run(streamId).changes
      const added = addToOne.run(now(), intervalMs, streamId).changes
      return dropped + added > 0
    },
    matchAll() {
      db.prepare(dropUnwanted('true')).run()
      db.prepare(addMissing('true')).run(now(), intervalMs)
    },
    pullIn(_tx, { succeeding, failing }) {
      const at = now()
      pullIn.run(at, intervalMs, at + succeeding + CLOCK_SLACK, at + failing + CLOCK_SLACK)
    },
  }
}
