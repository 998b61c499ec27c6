import { and, eq, sql } from 'drizzle-orm'
import {
  imageStreams,
  importFailures,
  importSchedules,
  specTags,
  streamConditions,
} from '../../db/tables/index.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { ImportRequest } from '../stored-import/import-plan.ts'
import type { Import } from '../stored-import/import-state.ts'
import type { ScheduleDependencies } from './spec-schedules.ts'

/** Number of intervals to the next import of a failing source: 1, then 2, then this. A success resets it. */
export const LONGEST_WAIT = 4

/**
 * Maximum number of intervals to the next import of a source whose changes are announced by webhooks: reliable sources are
 * polled too.
 */
export const LONGEST_SLOWDOWN = 8

/** Stores what an import found for each source that it covered, and when the source is due again. */
export function createSourceResults({ db, intervalMs, slowdownOf }: ScheduleDependencies) {
  const sourcesOf = (streamId: number, importId: number) =>
    db.orm
      .select({
        id: importSchedules.id,
        tag: importSchedules.tag,
        failedAt: importSchedules.failedAt,
        reasonBefore: importSchedules.reason,
        /** Generation in which the source last changed. */
        generation: sql<number>`coalesce(${specTags.generation}, ${imageStreams.repositoryGeneration})`,
        reason: importFailures.reason,
        message: importFailures.message,
        /** Why the whole repository cannot be imported. */
        repositoryReason: streamConditions.reason,
        repositoryMessage: streamConditions.message,
      })
      .from(importSchedules)
      .innerJoin(imageStreams, eq(imageStreams.id, importSchedules.streamId))
      .leftJoin(
        specTags,
        and(eq(specTags.streamId, importSchedules.streamId), eq(specTags.name, importSchedules.tag)),
      )
      .leftJoin(
        importFailures,
        and(eq(importFailures.importId, importId), eq(importFailures.tag, importSchedules.tag)),
      )
      .leftJoin(
        streamConditions,
        and(
          eq(streamConditions.streamId, importSchedules.streamId),
          eq(streamConditions.type, 'ImportSuccess'),
        ),
      )
      .where(eq(importSchedules.streamId, streamId))
      .all()

  type Source = ReturnType<typeof sourcesOf>[number]

  /** Returns why the source could not be imported; a null reason if it was. */
  const failureOf = (source: Source, finished: Import): Pick<Import, 'reason' | 'message'> => {
    // the import has stored the result of the repository before
    if (source.tag === '') return { reason: source.repositoryReason, message: source.repositoryMessage }
    // an import that failed as a whole also covers the tags that it did not begin
    return finished.state === 'FAILED' && source.reason === null ? finished : source
  }
  const succeeded = ({ tag }: Source, streamId: number, at: number) => {
    const slowedBy = Math.min(Math.max(Math.floor(slowdownOf(streamId, tag)), 1), LONGEST_SLOWDOWN)
    return { dueAt: at + slowedBy * intervalMs, succeededAt: at, reason: null, message: null, slowedBy }
  }
  const failed = ({ reasonBefore, failedAt }: Source, at: number) => {
    const wasFailing = reasonBefore !== null && failedAt !== null
    const intervals = intervalsAfter(wasFailing ? (at - failedAt) / intervalMs : 0)
    return { dueAt: at + intervals * intervalMs, failedAt: at, slowedBy: 1 }
  }

  return (stream: ImageStream, request: ImportRequest, finished: Import & { finishedAt: number }): void => {
    const at = finished.finishedAt
    for (const source of sourcesOf(stream.id, finished.id)) {
      // a source that changed meanwhile is covered by the import that the change started
      if (!covers(request, source.tag) || source.generation > stream.generation) continue
      const { reason, message } = failureOf(source, finished)
      const values =
        reason === null ? succeeded(source, stream.id, at) : { ...failed(source, at), reason, message }
      db.orm.update(importSchedules).set(values).where(eq(importSchedules.id, source.id)).run()
    }
  }
}

const covers = ({ repository, specTags }: ImportRequest, tag: TagName | ''): boolean =>
  tag === '' ? repository : specTags === 'all' || specTags.includes(tag)

/** Doubles the wait with each failure. `intervalsBefore`: intervals since the previous failure, 0 without one. */
const intervalsAfter = (intervalsBefore: number): number =>
  Math.min(Math.max(2 * Math.floor(intervalsBefore), 1), LONGEST_WAIT)
