import { columnsOf } from '../../db/rows.ts'
import { importSchedules } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import { RUNNING_IMPORTS, RUNNING_OF_REGISTRY } from '../import/import.ts'
import type { ImportRequest } from '../request/import-plan.ts'
import type { Import, ImportRows } from '../request/import-rows.ts'
import type { ImageStream } from '../spec/spec.ts'
import { createSpecSchedules, type SpecScheduleDependencies } from './schedule-of-spec.ts'

/** One source that is imported again and again. Times are milliseconds since 1970. */
export type Schedule = Omit<typeof importSchedules.$inferSelect, 'id'>

/** While a source fails its next import is 1, then 2, then this many intervals away; a success resets it. */
export const LONGEST_WAIT = 4

/**
 * With so many imports unfinished no scheduled one begins: the other half of the places is for who asks. Those of one
 * registry count for no more than may run of it, so that one which is slow keeps no other from being asked.
 */
export const PLACES = RUNNING_IMPORTS / 2
/** The same of one registry, whose other half is for who asks as well. */
export const PLACES_OF_REGISTRY = RUNNING_OF_REGISTRY / 2

/** A source of which somebody else tells when it changes is left alone for so many intervals at most. */
export const LONGEST_SLOWDOWN = 8

export interface ScheduleDependencies extends SpecScheduleDependencies {
  readonly rows: Pick<ImportRows, 'request'>
  /**
   * How many intervals a source (a spec tag, or empty the repository) may be left alone because its changes are told
   * before they are due: 1 to LONGEST_SLOWDOWN, and 1 for all unless given.
   */
  readonly slowdownOf?: ((streamId: number, tag: TagName | '') => number) | undefined
}

/** When which source is to be imported next. All of it is in the database: a restart changes nothing. */
export interface Schedules {
  /** Gives each scheduled source of the spec a first due time; those that are none any more lose theirs. */
  onSpecWritten(tx: Transaction, stream: ImageStream): void
  /**
   * Notes what came of each source that the import covered, and puts its next one an interval after the end. A spec tag
   * failed when it could not be brought in; the repository when it could not be listed, or none of its tags be read.
   */
  onFinished(tx: Transaction, stream: ImageStream, finished: Import): void
  /** Of each stream its repository's first, then those of its spec tags by name. */
  ofStreams(streamIds: readonly number[]): Schedule[]
  /** The stream that is due first of those that may be asked: none while too many imports are unfinished. */
  next(): { readonly streamId: number; readonly dueAt: number } | undefined
  /** When what is due first was, or will be; undefined when nothing is scheduled. */
  firstDueAt(): number | undefined
  /** All that is due of the stream, as one request; it counts as asked, and is not due again for an interval. */
  take(tx: Transaction, streamId: number): ImportRequest
  /** Brings into the next interval what is due later than it can be: the clock was set back. */
  pullIn(tx: Transaction): void
  /** Makes due within the next interval what these streams have that was left alone for longer: nobody tells of it now. */
  quicken(tx: Transaction, streamIds: readonly number[]): void
  /** What a start does first: the spec may have been written, or the interval set, by a version or setting before. */
  restore(tx: Transaction): void
  /** Calls back after each commit that may have changed which stream is next. Returns what ends that. */
  onChanged(listener: () => void): () => void
}

/** The registry of the stream `r`; null where only its spec tags name any. */
const REGISTRY = `substr(r.docker_image_repository, 1, instr(r.docker_image_repository, '/'))`

interface Covered {
  id: number
  tag: TagName | ''
  failedAt: number | null
  isFailing: 0 | 1
  /** Generation in which the source last changed. */
  generation: number
  reason: string | null
  message: string | null
}

export function createSchedules(dependencies: ScheduleDependencies): Schedules {
  const { db, rows, now, intervalMs, slowdownOf = () => 1 } = dependencies
  const spec = createSpecSchedules({ db, now, intervalMs })
  const longest = LONGEST_WAIT * intervalMs
  const next = db.prepare<{ streamId: number; dueAt: number }>(`
    with unfinished as (
      select ${REGISTRY} as registry, count(*) as imports
      from imports i join image_streams r on r.id = i.stream_id
      where i.finished_at is null group by coalesce(${REGISTRY}, i.id))
    select s.stream_id as streamId, s.due_at as dueAt
    from import_schedules s join image_streams r on r.id = s.stream_id
    where s.stream_id not in (select coalesce(stream_id, 0) from imports where finished_at is null)
      and coalesce(${REGISTRY}, '') not in (
        select registry from unfinished where registry is not null and imports >= ${PLACES_OF_REGISTRY})
    order by s.due_at
    limit (select coalesce(sum(min(imports, ${RUNNING_OF_REGISTRY})), 0) < ${PLACES} from unfinished)`)
  const firstDue = db.prepare<{ dueAt: number }>(
    'select due_at as dueAt from import_schedules order by due_at limit 1',
  )
  const take = db.prepare<{ tag: TagName | '' }>(
    'update import_schedules set due_at = ? where stream_id = ? and due_at <= ? returning tag',
  )
  const ofStreams = db.prepare<Schedule>(`
    select ${columnsOf(importSchedules, 's', ['id'])} from import_schedules s
    where s.stream_id in (select value from json_each(?)) order by s.stream_id, s.tag`)
  const withOutcomes = db.prepare<Covered>(`
    select s.id, s.tag, s.failed_at as failedAt, s.reason is not null as isFailing,
      coalesce(t.generation, i.repository_generation) as generation, f.reason, f.message
    from import_schedules s join image_streams i on i.id = s.stream_id
    left join spec_tags t on t.stream_id = s.stream_id and t.name = s.tag
    left join import_failures f on f.import_id = ? and f.tag = s.tag
    where s.stream_id = ?`)
  const settle = db.prepare(`
    update import_schedules set due_at = ?, succeeded_at = coalesce(?, succeeded_at),
      failed_at = coalesce(?, failed_at), reason = ?, message = ?, slowed_by = ? where id = ?`)

  const listeners = new Set<() => void>()
  const ring = (): void => {
    for (const listener of listeners) listener()
  }

  const record = (streamId: number, { id, failedAt, isFailing, ...one }: Covered, finished: Import): void => {
    const at = finished.finishedAt ?? now()
    // what failed as a whole brought nothing in, also where it never came to this tag
    const isWhole = one.tag === '' || (finished.state === 'FAILED' && one.reason === null)
    const { reason, message } = isWhole ? finished : one
    if (reason === null) {
      const intervals = Math.min(Math.max(Math.floor(slowdownOf(streamId, one.tag)), 1), LONGEST_SLOWDOWN)
      settle.run(at + intervals * intervalMs, at, null, null, null, intervals, id)
    } else {
      const intervals = intervalsAfter(isFailing && failedAt !== null ? (at - failedAt) / intervalMs : 0)
      settle.run(at + intervals * intervalMs, null, at, reason, message, 1, id)
    }
  }

  return {
    onSpecWritten(tx, { id }) {
      if (spec.match(tx, id)) tx.afterCommit(ring)
    },

    onFinished(tx, stream, finished) {
      const request = rows.request(finished.id)
      for (const one of withOutcomes.all(finished.id, stream.id)) {
        // a source that changed meanwhile is another one: the import that the change began covers it
        if (request && covers(request, one.tag) && one.generation <= stream.generation) {
          record(stream.id, one, finished)
        }
      }
      // also where nothing was covered: the stream may be asked again, and a place is free
      tx.afterCommit(ring)
    },

    ofStreams: (streamIds) => ofStreams.all(JSON.stringify(streamIds)),
    next: () => next.get(),
    firstDueAt: () => firstDue.get()?.dueAt,

    take(_tx, streamId) {
      const at = now()
      const tags = take.all(at + intervalMs, streamId, at).map(({ tag }) => tag)
      const specTags = tags.filter((tag): tag is TagName => tag !== '')
      return {
        repository: tags.includes(''),
        specTags: specTags.sort(),
        repositoryTags: [],
        urgency: 'schedule',
      }
    },

    quicken(tx, streamIds) {
      if (spec.quicken(tx, streamIds)) tx.afterCommit(ring)
    },

    pullIn: (tx) => spec.pullIn(tx, { succeeding: longest, failing: longest }),
    restore(tx) {
      spec.matchAll(tx)
      spec.pullIn(tx, { succeeding: intervalMs, failing: longest })
    },

    onChanged(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

const covers = ({ repository, specTags }: ImportRequest, tag: TagName | ''): boolean =>
  tag === '' ? repository : specTags === 'all' || specTags.includes(tag)

/** Doubles with each failure: told by how many intervals ago the one before was, 0 when there was none. */
const intervalsAfter = (intervalsBefore: number): number =>
  Math.min(Math.max(2 * Math.floor(intervalsBefore), 1), LONGEST_WAIT)
