import { LRUCache } from 'lru-cache'
import { systemClock } from '../concurrency/clock.ts'
import { KeyedQueues } from '../concurrency/keyed-queues.ts'
import { startPeriodic } from '../concurrency/periodic.ts'
import { createImageFetcher } from '../imagestream/image/fetch-image.ts'
import { RegistryError } from '../oci/registry-error.ts'
import { createFullScans, type FullScanSchedule } from './full-scans.ts'
import type { Notification, NotificationInbox } from './notification-inbox.ts'
import { createNotificationHandler } from './notifications.ts'
import { queueKeyOf } from './origin.ts'
import { type ReconcileResult, reconcile } from './reconcile.ts'
import { type ExternalRemote, openRepository } from './repository.ts'
import { createExternalTags, type ExternalTagsDependencies } from './tags.ts'

export interface ExternalRegistryDependencies extends ExternalTagsDependencies, FullScanSchedule {
  readonly inbox: NotificationInbox
  readonly remote: ExternalRemote
  /** Allows plain HTTP and certificates that do not verify. */
  readonly insecure: boolean
  /** Receives problems of the registry and its content, each message once. */
  readonly warn: (message: string) => void
  readonly onInternalError: (error: unknown) => void
}

/** Notifications that are handled at a time, over all streams. */
const NOTIFICATIONS_AT_ONCE = 16
/** Notifications that one statement reads. */
const BATCH = 500
/** Maximum number of notifications in memory. */
const MAX_QUEUED = 50_000
/** Milliseconds between two deletions of expired notifications. */
const DELETE_EXPIRED_EVERY = 60_000
/** Warnings that are remembered, so that each is reported once. */
const MAX_WARNINGS = 1000

/** The mirror of a registry that replaces the integrated one. */
export type ExternalRegistry = ReturnType<typeof createExternalRegistry>

/**
 * Mirrors a registry that replaces the integrated one: each push becomes one tag event of a stream, whether a notification
 * reports it or a scan finds it. Begins with notifications that are not handled. Disposing waits for running writes; the
 * rest continues after the next start.
 */
export function createExternalRegistry(dependencies: ExternalRegistryDependencies) {
  const { inbox, remote, images, registry, insecure, now, onInternalError } = dependencies
  const { sleep = systemClock.sleep } = dependencies
  const closing = new AbortController()
  const warn = once(dependencies.warn)
  const tags = createExternalTags(dependencies)
  const fetcher = createImageFetcher(images)
  const opener =
    (lane: string, urgency: 'webhook' | 'schedule', signal: AbortSignal) => (repository: string) =>
      openRepository({ remote, fetcher, registry, insecure }, repository, { lane, urgency, signal })

  const queues = new KeyedQueues<Notification>({
    limit: NOTIFICATIONS_AT_ONCE,
    attempt: createNotificationHandler({
      ...dependencies,
      tags,
      open: opener('notifications', 'webhook', closing.signal),
      signal: closing.signal,
      warn,
    }),
    onDone: () => readInbox(),
    signal: closing.signal,
    sleep,
  })

  // ids ascend in commit order: new notifications have higher ids than the last one that was read
  let lastRead = 0
  const readInbox = (): void => {
    if (closing.signal.aborted || queues.size >= MAX_QUEUED) return
    try {
      for (let more = true; more && queues.size < MAX_QUEUED; ) {
        const found = inbox.open(BATCH, lastRead)
        for (const notification of found) queues.add(queueKeyOf(notification.repository), notification)
        lastRead = found.at(-1)?.id ?? lastRead
        more = found.length === BATCH
      }
    } catch (error) {
      onInternalError(error)
    }
  }

  const scan = async (signal: AbortSignal): Promise<ReconcileResult> => {
    signal.throwIfAborted()
    const [lane, urgency] = ['reconciliation', 'schedule'] as const
    return reconcile({
      ...dependencies,
      tags,
      catalog: () => remote.repositories(registry, { insecure, lane, namespace: null, urgency, signal }),
      open: opener(lane, urgency, signal),
      runInQueue: (key, task) => queues.runAfterItems(key, task),
      signal,
      warn,
    })
  }
  const scans = createFullScans({
    ...dependencies,
    scan,
    closing: closing.signal,
    onError(error) {
      if (error instanceof RegistryError) warn(error.message)
      else onInternalError(error)
    },
  })

  readInbox()
  const jobs: Disposable[] = [
    startPeriodic({
      intervalMs: DELETE_EXPIRED_EVERY,
      now,
      run: () => inbox.deleteExpired(),
      onError: onInternalError,
    }),
  ]

  return {
    /** Starts the scheduled scans; called once the registry can deliver notifications. */
    start(): void {
      const scheduled = scans.start()
      if (scheduled) jobs.push(scheduled)
    },
    /** Reads new notifications from the inbox. */
    wake(): void {
      scans.postpone()
      readInbox()
    },
    /**
     * Scans the whole registry for pushes and deletions without notifications. A call during a scan joins it. Throws
     * RegistryError when the registry is unavailable, or the signal's reason once it is aborted.
     */
    reconcile: scans.join,
    /** Resolves when all notifications are handled. */
    idle: () => queues.idle(),
    async [Symbol.asyncDispose](): Promise<void> {
      for (const job of jobs) job[Symbol.dispose]()
      closing.abort(new Error('the server is stopping'))
      await scans.idle()
      await queues.idle()
    },
  }
}

/** Returns a function that drops messages which it has passed on recently. */
function once(warn: (message: string) => void): (message: string) => void {
  const reported = new LRUCache<string, true>({ max: MAX_WARNINGS })
  return (message) => {
    if (reported.has(message)) return
    reported.set(message, true)
    warn(message)
  }
}
