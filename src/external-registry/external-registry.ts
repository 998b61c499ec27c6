import { setTimeout as timeout } from 'node:timers/promises'
import type { Sleep } from '../concurrency/clock.ts'
import { KeyedQueues } from '../concurrency/keyed-queues.ts'
import { createImageFetcher } from '../imagestream/image/fetch-image.ts'
import { RegistryError } from '../oci/registry-error.ts'
import { createNotificationWork } from './notifications.ts'
import { turnOf } from './origin.ts'
import type { ExternalInbox, ExternalNotification, ExternalRemote } from './ports.ts'
import { type ReconcileResult, reconcile } from './reconcile.ts'
import { openRepository } from './repository.ts'
import { createExternalTags, type ExternalTagsDependencies } from './tags.ts'

export interface ExternalRegistryDependencies extends ExternalTagsDependencies {
  readonly inbox: ExternalInbox
  readonly remote: ExternalRemote
  /** Whether the registry may speak plain HTTP or show a certificate that does not verify. */
  readonly insecure: boolean
  /** Milliseconds between two looks over the whole registry; null for none but those that are asked for. */
  readonly reconcileEvery: number | null
  /**
   * Milliseconds from the start to the first look; five seconds unless given. What the registry could not tell while we
   * were away it tells first then, each push of it, where a look finds only the last.
   */
  readonly reconcileAfter?: number
  /** Told, once for each cause, of what the registry did and we cannot follow, or that it cannot be asked. */
  readonly warn: (message: string) => void
  /** Told of an error that is nobody's fault but ours. */
  readonly onInternalError: (error: unknown) => void
  /** The system's when not given. */
  readonly sleep?: Sleep
}

/**
 * Another registry in place of the integrated one: its pushes become tags of our streams, each recorded once, whether
 * it told of them or they were found. Disposing waits for what is being written; the rest goes on at the next start.
 */
export interface ExternalRegistry extends AsyncDisposable {
  /** There may be something new in the inbox. */
  wake(): void
  /**
   * Looks over the whole registry for what was missed; one look at a time, who asks meanwhile gets the same. Throws
   * RegistryError when it cannot be asked, or the signal's reason once it is aborted.
   */
  reconcile(signal?: AbortSignal): Promise<ReconcileResult>
  /** Resolves when the inbox is worked off. */
  idle(): Promise<void>
}

/** Notifications that are worked on at a time, over all streams. */
const NOTIFICATIONS_AT_ONCE = 16
/** Notifications that are read at a time, and that are held in memory before more are read. */
const BATCH = 500
const MAXIMUM_HELD = 50_000
/** Milliseconds: more than a registry commonly waits before it tells again what it could not tell. */
const RECONCILE_AFTER = 5000
/** Milliseconds after which a look that could not be begun is tried again. */
const RETRY_RECONCILE = 60_000
/** Warnings that are remembered, to be told once. */
const REMEMBERED_WARNINGS = 1000

/** Begins at once with what a stop left open, and soon with a look over the registry. */
export function createExternalRegistry(dependencies: ExternalRegistryDependencies): ExternalRegistry {
  const { inbox, remote, images, registry, insecure, onInternalError } = dependencies
  const { reconcileEvery, reconcileAfter = RECONCILE_AFTER } = dependencies
  const closing = new AbortController()
  const warn = once(dependencies.warn)
  const tags = createExternalTags(dependencies)
  const fetcher = createImageFetcher(images)
  const opener =
    (lane: string, urgency: 'webhook' | 'schedule', signal: AbortSignal) => (repository: string) =>
      openRepository({ remote, fetcher, registry, insecure }, repository, { lane, urgency, signal })

  const queues = new KeyedQueues<ExternalNotification>({
    limit: NOTIFICATIONS_AT_ONCE,
    attempt: createNotificationWork({
      ...dependencies,
      tags,
      open: opener('notifications', 'webhook', closing.signal),
      signal: closing.signal,
      warn,
    }),
    onDone: () => wake(),
    signal: closing.signal,
    ...(dependencies.sleep && { sleep: dependencies.sleep }),
  })

  // ids ascend in commit order, so what is behind the last one that was read is all that is new
  let readUpTo = 0
  const wake = (): void => {
    if (closing.signal.aborted || queues.size >= MAXIMUM_HELD) return
    try {
      for (let more = true; more && queues.size < MAXIMUM_HELD; ) {
        const found = inbox.open(BATCH, readUpTo)
        for (const notification of found) queues.add(turnOf(notification.repository), notification)
        readUpTo = found.at(-1)?.id ?? readUpTo
        more = found.length === BATCH
      }
    } catch (error) {
      onInternalError(error)
    }
  }

  let looking: Promise<ReconcileResult> | undefined
  const look = (signal?: AbortSignal): Promise<ReconcileResult> => {
    looking ??= lookWith(signal ? AbortSignal.any([signal, closing.signal]) : closing.signal).finally(() => {
      looking = undefined
    })
    return looking
  }
  const lookWith = async (signal: AbortSignal): Promise<ReconcileResult> => {
    signal.throwIfAborted()
    return reconcile({
      ...dependencies,
      tags,
      catalog: () =>
        remote.repositories(registry, {
          insecure,
          lane: 'reconciliation',
          namespace: null,
          urgency: 'schedule',
          signal,
        }),
      open: opener('reconciliation', 'schedule', signal),
      inTurn: (turn, work) => queues.runAfterItems(turn, work),
      signal,
      warn,
    })
  }

  const pause = (milliseconds: number): Promise<void> =>
    timeout(milliseconds, undefined, { signal: closing.signal, ref: false }).catch(() => {})
  const lookRegularly = async (every: number): Promise<void> => {
    await pause(reconcileAfter)
    while (!closing.signal.aborted) {
      let next = every
      try {
        await look()
      } catch (error) {
        if (closing.signal.aborted) return
        if (error instanceof RegistryError) warn(error.message)
        else onInternalError(error)
        next = Math.min(every, RETRY_RECONCILE)
      }
      await pause(next)
    }
  }

  wake()
  const regular = reconcileEvery === null ? undefined : lookRegularly(reconcileEvery)

  return {
    wake,
    reconcile: look,
    idle: () => queues.idle(),
    async [Symbol.asyncDispose]() {
      closing.abort(new Error('the server is stopping'))
      await Promise.allSettled([regular, looking])
      await queues.idle()
    },
  }
}

/** Passes each message on once, as long as it is among the last that were told. */
function once(tell: (message: string) => void): (message: string) => void {
  const told = new Set<string>()
  return (message) => {
    if (told.has(message)) return
    const [oldest] = told
    if (told.size >= REMEMBERED_WARNINGS && oldest !== undefined) told.delete(oldest)
    told.add(message)
    tell(message)
  }
}
