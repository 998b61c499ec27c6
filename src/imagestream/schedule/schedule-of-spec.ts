import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'

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
  /**
   * Makes due within the next interval what is due in more milliseconds than these, or than as many intervals as it is
   * slowed by.
   */
  pullIn(tx: Transaction, farthest: { readonly succeeding: number; readonly failing: number }): void
  /** Makes due within the next interval what these streams have that is slowed. Whether there was any. */
  quicken(tx: Transaction, streamIds: readonly number[]): boolean
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
    where due_at > ? and due_at > case when reason is null then ? + ? * slowed_by else ? end`)
  const quicken = db.prepare(`
    update import_schedules set slowed_by = 1, due_at = min(due_at, ? + ${SPREAD})
    where slowed_by > 1 and stream_id in (select value from json_each(?))`)

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
    quicken: (_tx, streamIds) => quicken.run(now(), intervalMs, JSON.stringify(streamIds)).changes > 0,
    pullIn(_tx, { succeeding, failing }) {
      const at = now()
      const after = at + CLOCK_SLACK
      pullIn.run(at, intervalMs, after + succeeding, after, intervalMs, after + failing)
    },
  }
}
