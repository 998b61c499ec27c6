import type { AccessControl } from '../access/access.ts'
import { SYSTEM } from '../access/right/viewer.ts'
import { type BlobStore, createDiskStore } from '../blobs/blob-store.ts'
import { createCollector } from '../collect/blobs/collect.ts'
import { createRemovalHold } from '../collect/blobs/removal-hold.ts'
import { systemClock } from '../concurrency/clock.ts'
import { createExternalRegistry } from '../external-registry/external-registry.ts'
import { createNotificationEndpoint } from '../external-registry/notification-endpoint.ts'
import { createNotificationInbox } from '../external-registry/notification-inbox.ts'
import type { RegistryView } from '../graphql/kit/context.ts'
import { createPushReceiver } from '../imagestream/commands/push.ts'
import { checkResourceVersion } from '../imagestream/commands/write-target.ts'
import type { Digest } from '../oci/digest.ts'
import { createAttachments } from '../registry/content/attachments.ts'
import { createContent } from '../registry/content/content.ts'
import { createUploadList } from '../registry/content/upload-list.ts'
import { createUsage } from '../registry/content/usage.ts'
import { createInventory } from '../registry/inventory/inventory.ts'
import { createMirrorings } from '../registry/mirroring/mirrorings.ts'
import { createReplication } from '../registry/mirroring/replicate.ts'
import { DEFAULT_LIMITS, storedLease } from '../registry/protocol/limits.ts'
import { createPullThrough } from '../registry/pull-through/pull-through.ts'
import { createRegistry } from '../registry/registry.ts'
import { createRefetch } from '../registry/repair/refetch.ts'
import type { RegistrySignIn } from '../registry/sign-in/dependencies.ts'
import type { RegistryRules } from '../remote/location/registry-rules.ts'
import type { RegistryClient } from '../remote/registry-client.ts'
import type { Domain } from './domain.ts'
import { imageDestinations, imageSources } from './mirroring.ts'
import { DAY, HOUR, type SharedParts } from './parts.ts'
import { openScrub } from './scrub.ts'

/** Returns a function for the `host[:port]` of the registry that images are pushed to; it throws before the server listens. */
export const registryHostOf =
  ({ config, ownHost }: Pick<SharedParts, 'config' | 'ownHost'>) =>
  (): string =>
    config.registryHost ?? config.externalRegistry?.host ?? ownHost()

interface RegistryParts extends SharedParts {
  readonly domain: Domain
  readonly remote: RegistryClient
  /** The current configurations of registries. */
  readonly rules: () => RegistryRules
  readonly access: Pick<AccessControl, 'rightsOf'>
  readonly signIn: RegistrySignIn
}

/** The registry that images are pushed to: the integrated one, or an external one. */
export type RegistryRooms = Awaited<ReturnType<typeof openRegistry>>

/** Joins the integrated registry, or the follower of an external registry that replaces it. */
export async function openRegistry(parts: RegistryParts) {
  const { config, db, audit, now, log, opened } = parts
  const { dataFolder, minimumFreeBytes, externalRegistry, registryHost } = config
  const { untaggedDays, keepTagRevisions, collectHours } = config
  const blobs = opened.use(await createDiskStore({ folder: dataFolder, now, minimumFreeBytes }))
  const collector = opened.use(
    createCollector({
      db,
      audit,
      blobs,
      hold: createRemovalHold(dataFolder),
      lease: storedLease(DEFAULT_LIMITS),
      policy: { untaggedAfter: untaggedDays === null ? null : untaggedDays * DAY, keepTagRevisions },
      intervalMs: collectHours === null ? null : collectHours * HOUR,
      now,
      log,
    }),
  )
  const host = registryHostOf(parts)
  const view: RegistryView = {
    isIntegrated: externalRegistry === null,
    host,
    publicHost: registryHost,
    usage: createUsage(db),
    uploads: createUploadList(blobs),
    collector,
  }
  const external = externalRegistry ? openExternal(parts, externalRegistry) : undefined
  const attachments = externalRegistry ? null : createAttachments({ db, blobs, now })
  const integrated =
    attachments &&
    openIntegrated(parts, { blobs, host, attachments, onLost: (...blob) => void scrub.lost(...blob) })
  const scrub = openScrub({ ...parts, blobs, refetch: integrated?.refetch })
  return {
    view,
    /** State of the check of all that is stored. */
    scrub: scrub.view,
    /** Artifacts attached to images of the integrated registry; null with an external registry. */
    attachments,
    /** Undefined with an external registry. */
    registry: integrated?.registry,
    /** Copies of images into the integrated registry; null with an external registry. */
    mirrorings: integrated?.mirrorings ?? null,
    /** Copies the image of a tag to another registry; null with an external registry. */
    replicate: integrated ? createReplication(integrated.mirrorings) : null,
    /** Receives the notifications of an external registry. */
    notifications: external?.notifications,
    /** Starts periodic work; called once the server listens. */
    start(): void {
      collector.start()
      scrub.start()
      integrated?.mirrorings.resume()
      integrated?.inventory.start()
      external?.start()
    },
  }
}

interface IntegratedParts {
  readonly blobs: BlobStore
  readonly host: () => string
  readonly attachments: ReturnType<typeof createAttachments>
  /** Called with a blob whose file a request found to be lost or cut short. */
  readonly onLost: (digest: Digest, size: number) => void
}

function openIntegrated(parts: RegistryParts, { blobs, host, attachments, onLost }: IntegratedParts) {
  const { config, db, audit, domain, remote, rules, signIn, now, log, opened } = parts
  const { rightsOf } = parts.access
  const limits = { ...DEFAULT_LIMITS, maximumBlobBytes: config.maximumBlobBytes }
  const content = createContent(db)
  const pullThrough = opened.use(
    createPullThrough({
      db,
      content,
      blobs,
      source: {
        fetchBlob: (reference, options, descriptor) =>
          remote.repository(reference, options).fetchBlob(descriptor),
      },
      limits,
      now,
      log,
    }),
  )
  const streams = createPushReceiver({
    ...domain,
    db,
    audit,
    importMode: config.importMode,
    registryHost: host,
  })
  const mirrorings = opened.use(
    createMirrorings({
      db,
      audit,
      content,
      blobs,
      fetching: pullThrough,
      streams,
      sources: imageSources({ ...domain, remote, attachments, isOwn: (registry) => registry === host() }),
      destinations: imageDestinations({ remote, rules }),
      limits,
      viewerOf: (principal) =>
        principal === null
          ? SYSTEM
          : { ...SYSTEM, id: principal, name: principal, rights: rightsOf(principal) },
      checkVersion: (stream, resourceVersion) =>
        checkResourceVersion(
          { ...stream, resourceVersion },
          domain.streams.byName(SYSTEM, stream.namespace, stream.name),
        ),
      sleep: systemClock.sleep,
      now,
      onInternalError: (error, mirroringId) =>
        log.error({ err: error, mirroringId }, 'mirroring failed: internal error'),
    }),
  )
  const registry = createRegistry({
    db,
    blobs,
    streams,
    signIn,
    pullThrough,
    onLost,
    limits,
    now,
    log,
  })
  const refetch = createRefetch({ db, content, fetching: pullThrough, host })
  const inventory = opened.use(
    createInventory({
      db,
      content,
      dataFolder: config.dataFolder,
      changes: domain.changeLog,
      host,
      now,
      onError: (error) => log.error({ err: error }, 'cannot write the inventory of repositories'),
    }),
  )
  return { registry, mirrorings, refetch, inventory }
}

function openExternal({ config, db, domain, remote, now, log, opened }: RegistryParts, origin: URL) {
  const inbox = createNotificationInbox({ db, now })
  const external = opened.use(
    createExternalRegistry({
      ...domain,
      db,
      now,
      importMode: config.importMode,
      registry: origin.host,
      inbox,
      remote,
      insecure: origin.protocol === 'http:',
      warn: (message) => log.warn({ registry: origin.host }, message),
      onInternalError: (error) => log.error({ err: error }, 'following the external registry failed'),
    }),
  )
  const notifications = createNotificationEndpoint({
    inbox,
    secret: config.webhookSecret ?? '',
    onReceived: external.wake,
    onError: (error) => log.error({ err: error }, 'cannot store a notification'),
  })
  return { notifications, start: external.start }
}
