import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Database } from '../db/open.ts'
import { createApplyDocuments } from '../documents/apply.ts'
import { createPushLog } from '../events/push-log.ts'
import { createImportImage } from '../imagestream/commands/import-image.ts'
import { createRollBack } from '../imagestream/commands/roll-back.ts'
import { createSetTagPolicy } from '../imagestream/commands/set-tag-policy.ts'
import { createTagging } from '../imagestream/commands/tag-image.ts'
import { createStreamWriter } from '../imagestream/commands/write-stream.ts'
import { createImages } from '../imagestream/image/image.ts'
import type { RemoteRegistry } from '../imagestream/image/remote-registry.ts'
import { createImporter } from '../imagestream/import/import.ts'
import { createImportRows, type Import } from '../imagestream/request/import-rows.ts'
import { createSchedules } from '../imagestream/schedule/schedule.ts'
import { createFollowing } from '../imagestream/stream/follow.ts'
import { createStreams } from '../imagestream/stream/stream.ts'
import { createLookBack } from '../imagestream/tag/look-back.ts'
import { createPolicies } from '../imagestream/tag/policies.ts'
import { createTagRecorder } from '../imagestream/tag/record.ts'
import { createTags } from '../imagestream/tag/tag.ts'
import { createReportedMoves } from '../imagestream/watch/reported-moves.ts'
import { createWatchRows } from '../imagestream/watch/watch-rows.ts'
import { createRepositoryWatches } from '../imagestream/watch/watch-status.ts'
import type { RegistryConfigurations } from '../registry-config/registry-configurations.ts'
import type { RegistryClient } from '../remote/registry-client.ts'
import type { VendorListings } from '../vendors/listings.ts'
import { createAnnouncements } from '../webhooks/announcements.ts'
import { createHintRetries } from '../webhooks/retries.ts'
import type { Config } from './config.ts'

export interface DomainParts {
  readonly config: Config
  readonly db: Database
  readonly remote: RegistryClient
  readonly configurations: Pick<RegistryConfigurations, 'rules'>
  readonly vendors: VendorListings
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
  /** Told of each stored import that ended, after the commit. */
  readonly onImportFinished: (finished: Import) => void
}

const MINUTE = 60 * 1000
const HOUR = 60 * MINUTE

/** Joins what image streams are made of. Nothing runs yet: `importer.resume` begins. */
export function openDomain({
  config,
  db,
  remote,
  vendors,
  configurations,
  now,
  log,
  onImportFinished,
}: DomainParts) {
  const pushes = createPushLog(db)
  const images = createImages(db)
  const streams = createStreams(db)
  const tags = createTags(db)
  const recorder = createTagRecorder({ db, pushes, now })
  const rows = createImportRows(db)
  const announcements = createAnnouncements({ db, requestOf: rows.request, now })
  const hintRetries = createHintRetries({ db, now })
  const schedules = createSchedules({
    db,
    rows,
    now,
    intervalMs: config.scheduleMinutes * MINUTE,
    slowdownOf: announcements.slowdownOf,
  })
  const fullSweepMs = config.fullSweepHours * HOUR
  const watches = createWatchRows(db)
  const moves = createReportedMoves(db, images)
  const importer = createImporter({
    db,
    remote: withListings(remote, vendors),
    watches,
    moves,
    fullSweepMs,
    images,
    streams,
    tags,
    recorder,
    rows,
    now,
    maximumTags: config.maximumTags,
    onFinished: (tx, stream, finished) => {
      // first: what was learned decides when it is due again
      announcements.onFinished(tx, stream, finished)
      hintRetries.onFinished(tx, finished)
      schedules.onFinished(tx, stream, finished)
      tx.afterCommit(() => onImportFinished(finished))
    },
    onInternalError: (error, importId) =>
      log.error({ err: error, importId }, 'an import met an internal error'),
  })
  const { importMode } = config
  const following = createFollowing({ db, streams, tags, recorder, now })
  const writer = createStreamWriter({
    db,
    streams,
    importer,
    following,
    now,
    uuid: randomUUID,
    importMode,
    blockOf: ({ registry, repository }) => configurations.rules().blockOf(registry, repository),
    onSpecWritten: schedules.onSpecWritten,
  })
  const importImage = createImportImage({ db, streams, writer, importer, importMode })
  const tagging = createTagging({ db, streams, writer, importer, following, recorder, importMode })
  const policies = createPolicies(db)
  const lookBack = createLookBack(db)
  return {
    pushes,
    images,
    streams,
    tags,
    policies,
    recorder,
    importer,
    announcements,
    hintRetries,
    schedules,
    watches: createRepositoryWatches({ watches, fullSweepMs }),
    reportedMoves: moves,
    writer,
    importImage,
    applyDocuments: createApplyDocuments({ db, streams, writer, importer, importMode }),
    tagging,
    setTagPolicy: createSetTagPolicy({ db, streams, writer, importer, following, policies, importMode }),
    lookBack,
    rollBackTag: createRollBack({ db, streams, tags, images, lookBack, tagging }),
  }
}

/** The registries' own protocol, and the listings of their vendors beside it. */
const withListings = (remote: RegistryClient, vendors: VendorListings): RemoteRegistry => ({
  repository: (reference, options) => ({
    ...remote.repository(reference, options),
    vendorListing: () => vendors.listingOf(reference, options),
  }),
})
