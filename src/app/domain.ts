import type { AuditRecorder } from '../access/audit/audit-log.ts'
import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { createChangeLog } from '../events/change-log.ts'
import type { IdentityGuard } from '../events/log-identity.ts'
import { createStreamWriter, type StreamWriterDependencies } from '../imagestream/commands/write-stream.ts'
import { createImages } from '../imagestream/image/images.ts'
import type { RemoteRegistry } from '../imagestream/image/remote-registry.ts'
import { createImporter } from '../imagestream/import/import.ts'
import type { ImporterDependencies } from '../imagestream/import/import-context.ts'
import {
  createTransitionReports,
  type TransitionReportsDependencies,
} from '../imagestream/import/transition-reports.ts'
import { changeOf, createChangeRecorder } from '../imagestream/record/change-record.ts'
import { createTagRecorder } from '../imagestream/record/record.ts'
import type { RightsOf } from '../imagestream/record/record-followers.ts'
import type { StreamContent } from '../imagestream/record/stream-content.ts'
import { createSchedules } from '../imagestream/schedule/schedule.ts'
import { createImportRows } from '../imagestream/stored-import/import-rows.ts'
import type { Import } from '../imagestream/stored-import/import-state.ts'
import { createFollowing } from '../imagestream/stream/follow.ts'
import { createImageList } from '../imagestream/stream/image-list.ts'
import { createRetryRefused } from '../imagestream/stream/retry-refused.ts'
import { createStreams } from '../imagestream/stream/stream.ts'
import { createStreamConditions } from '../imagestream/stream/stream-conditions.ts'
import { createTagList } from '../imagestream/stream/tag-list.ts'
import { createLookBack } from '../imagestream/tag/look-back.ts'
import { createPolicies } from '../imagestream/tag/policies.ts'
import { createTags } from '../imagestream/tag/tag.ts'
import type { ImportTransition } from '../imagestream/tag/tag-change.ts'
import { createReportedMoves } from '../imagestream/watch/reported-moves.ts'
import { createRepositoryWatches } from '../imagestream/watch/repository-watches.ts'
import { createAnnouncements } from '../receivers/announcements.ts'
import { createImportListener } from '../receivers/import-listener.ts'
import { createHintRetries } from '../receivers/retries.ts'
import { createCommands } from './commands.ts'

/** What the domain needs of the rest of the server. */
export interface DomainDependencies
  extends Pick<ImporterDependencies, 'maximumTags' | 'fullScanMs' | 'onInternalError'>,
    Pick<StreamWriterDependencies, 'importMode' | 'uuid' | 'blockOf'>,
    Partial<Pick<TransitionReportsDependencies, 'onReport' | 'onFurtherTags'>> {
  readonly db: Database
  /** Guards the identity of the change log; absent where the database is a copy for reads. */
  readonly logGuard?: IdentityGuard | undefined
  readonly audit: AuditRecorder
  readonly rightsOf: RightsOf
  readonly remote: RemoteRegistry
  /** Content of the integrated registry; null where an external one replaces it. */
  readonly content: StreamContent | null
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds between two scheduled imports of the same stream. */
  readonly scheduleIntervalMs: number
  /** Receives the error when tags cannot be moved after those that they follow; they are moved later. */
  readonly onFollowersError: (error: unknown) => void
  /** Runs after the commit of each stored import that ended. */
  readonly onImportFinished?: (finished: Import) => void
}

/** The rooms of the domain, joined. */
export type Domain = ReturnType<typeof createDomain>

/** Joins the rooms of the domain. Nothing runs yet: `importer.resume` begins. */
export function createDomain(dependencies: DomainDependencies) {
  const { db, audit, rightsOf, content, now, importMode, scheduleIntervalMs, fullScanMs, onImportFinished } =
    dependencies
  const changeLog = createChangeLog(db, dependencies.logGuard)
  const images = createImages(db)
  const streams = createStreams(db)
  const streamConditions = createStreamConditions(db)
  const tags = createTags(db)
  const { onReport = () => {}, onFurtherTags = () => {} } = dependencies
  const reports = createTransitionReports({ streams, onReport, onFurtherTags })
  const recordChange = createChangeRecorder(db, changeLog, now)
  const onTransition = (tx: Transaction, transition: ImportTransition): void => {
    recordChange(tx, changeOf(transition))
    reports.onTransition(tx, transition)
  }
  const recorder = createTagRecorder({
    db,
    changeLog,
    recordChange,
    content,
    rightsOf,
    now,
    onTransition,
    onError: dependencies.onFollowersError,
  })
  const policies = createPolicies(db)
  const lookBack = createLookBack(db)
  const following = createFollowing({ db, streams, tags, recorder, rightsOf, now })

  const importRows = createImportRows(db)
  const watches = createRepositoryWatches(db, fullScanMs)
  const reportedMoves = createReportedMoves(db, images)
  const announcements = createAnnouncements({ db, requestOf: importRows.request, now })
  const hintRetries = createHintRetries(db, now)
  const schedules = createSchedules({
    db,
    rows: importRows,
    now,
    intervalMs: scheduleIntervalMs,
    slowdownOf: announcements.slowdownOf,
  })
  const onFinished = createImportListener(announcements, hintRetries, schedules)
  const importer = createImporter({
    ...dependencies,
    images,
    streams,
    streamConditions,
    tags,
    recorder,
    onTransition,
    rows: importRows,
    watches,
    moves: reportedMoves,
    onFinished(tx: Transaction, stream, finished) {
      onFinished(tx, stream, finished)
      reports.onFinished(tx, stream, finished)
      if (onImportFinished) tx.afterCommit(() => onImportFinished(finished))
    },
  })

  const { onSpecWritten } = schedules
  const writer = createStreamWriter({
    ...dependencies,
    streams,
    tags,
    streamConditions,
    importer,
    following,
    recordChange,
    onSpecWritten,
  })
  const commands = createCommands(
    {
      db,
      audit,
      streams,
      writer,
      importer,
      following,
      recorder,
      recordChange,
      importMode,
      now,
      tags,
      images,
      lookBack,
      policies,
    },
    hintRetries,
  )
  return {
    changeLog,
    images,
    streams,
    streamConditions,
    tags,
    tagList: createTagList(db, tags),
    imageList: createImageList(db, images),
    policies,
    recorder,
    following,
    retryRefused: createRetryRefused({ db, streams, following, onError: dependencies.onFollowersError }),
    lookBack,
    importRows,
    importer,
    watches,
    reportedMoves,
    announcements,
    hintRetries,
    schedules,
    writer,
    ...commands,
  }
}
