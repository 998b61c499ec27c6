import type { Logger } from 'pino'
import type { BlobStore } from '../blobs/blob-store.ts'
import { createDiskStore } from '../blobs/blob-store.ts'
import { createCollector } from '../collect/blobs/collect.ts'
import type { Database } from '../db/open.ts'
import { createExternalRegistry } from '../external-registry/external-registry.ts'
import { createNotificationEndpoint } from '../external-registry/notification-endpoint.ts'
import { createNotificationInbox } from '../external-registry/notification-inbox.ts'
import type { RegistryView } from '../graphql/kit/context.ts'
import type { ServerOptions } from '../http/server.ts'
import { createPushReceiver } from '../imagestream/commands/push.ts'
import { type Attachments, createAttachments } from '../registry/content/attachments.ts'
import { createContent } from '../registry/content/content.ts'
import { createUsage } from '../registry/content/usage.ts'
import { DEFAULT_LIMITS, storedLease } from '../registry/protocol/limits.ts'
import { createPullThrough } from '../registry/pull-through/pull-through.ts'
import { createRegistry } from '../registry/registry.ts'
import type { RegistryClient } from '../remote/registry-client.ts'
import type { Config } from './config.ts'
import type { Domain } from './domain.ts'
import type { Opened } from './opened.ts'

export interface RegistryParts {
  readonly config: Config
  readonly db: Database
  readonly domain: Pick<Domain, 'images' | 'streams' | 'recorder' | 'writer'>
  readonly remote: RegistryClient
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
  /** `localhost:4000`; throws before the server listens. */
  readonly ownHost: () => string
}

/** The registry that images are pushed to: the integrated one, or an external one. */
export interface RegistryRooms extends Pick<ServerOptions, 'registry' | 'notifications'> {
  readonly view: RegistryView
  /** Artifacts attached to images of the integrated registry; null with an external registry. */
  readonly attachments: Attachments | null
  /** Starts periodic work; called once the server listens. */
  start(): void
}

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
const ABANDONED_AFTER = DAY
const RECONCILE_EVERY = 10 * 60 * 1000

/** Joins the integrated registry, or the follower of an external registry that replaces it. */
export async function openRegistry(parts: RegistryParts, opened: Opened): Promise<RegistryRooms> {
  const { config, db, now, log } = parts
  const { externalRegistry, registryHost, untaggedDays, keepTagRevisions, collectHours } = config
  const blobs = opened.use(
    await createDiskStore({
      folder: config.dataFolder,
      now,
      minimumFreeBytes: config.minimumFreeBytes,
    }),
  )
  const collector = opened.use(
    createCollector({
      db,
      blobs,
      limits: { lease: storedLease(DEFAULT_LIMITS), abandonedAfter: ABANDONED_AFTER },
      policy: { untaggedAfter: untaggedDays === null ? null : untaggedDays * DAY, keepTagRevisions },
      intervalMs: collectHours === null ? null : collectHours * HOUR,
      now,
      log,
    }),
  )
  const host = (): string => registryHost ?? externalRegistry?.host ?? parts.ownHost()
  const view: RegistryView = {
    isIntegrated: externalRegistry === null,
    host,
    publicHost: registryHost,
    usage: createUsage({ db, blobs }),
    collector,
  }
  return externalRegistry
    ? {
        view,
        attachments: null,
        ...openExternal(parts, externalRegistry, opened),
        start: () => collector.start(),
      }
    : {
        view,
        attachments: createAttachments(db, blobs),
        registry: openIntegrated(parts, { blobs, host }, opened),
        start: () => collector.start(),
      }
}

interface IntegratedParts {
  readonly blobs: BlobStore
  /** `host[:port]` in pull specs. */
  readonly host: () => string
}

function openIntegrated(parts: RegistryParts, { blobs, host }: IntegratedParts, opened: Opened) {
  const { config, db, domain, remote, now, log } = parts
  const limits = { ...DEFAULT_LIMITS, maximumBlobBytes: config.maximumBlobBytes }
  const pullThrough = opened.use(
    createPullThrough({
      db,
      content: createContent(db),
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
  return createRegistry({
    db,
    blobs,
    streams: createPushReceiver({
      ...domain,
      db,
      importMode: config.importMode,
      registryHost: host,
    }),
    // every client may do everything until there is authentication
    access: { may: () => true },
    pullThrough,
    limits,
    now,
    log,
  })
}

function openExternal(parts: RegistryParts, origin: URL, opened: Opened) {
  const { config, db, domain, remote, now, log } = parts
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
      reconcileEvery: RECONCILE_EVERY,
      warn: (message) => log.warn({ registry: origin.host }, message),
      onInternalError: (error) => log.error({ err: error }, 'following the external registry failed'),
    }),
  )
  const notifications = createNotificationEndpoint({
    inbox,
    secret: config.webhookSecret ?? '',
    onReceived: () => external.wake(),
    onError: (error) => log.error({ err: error }, 'cannot store a notification'),
  })
  return { notifications }
}
