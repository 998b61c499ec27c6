import type { Sleep } from '../../concurrency/clock.ts'
import { KubernetesError } from '../client/errors.ts'
import type { KubernetesClient } from '../client/kubernetes-client.ts'
import type { KubernetesObject } from '../client/object.ts'

/** Receives the objects of a list, and their changes after it. */
export interface Reflection {
  /** A list begins: objects that it does not return are gone. */
  begin(): void
  /** An object exists as it is now. */
  set(object: KubernetesObject): void
  /** An object was deleted. */
  delete(object: KubernetesObject): void
  /** The list is complete. */
  complete(): void
}

interface ReflectorOptions {
  readonly path: string
  readonly metadataOnly: boolean
  readonly reflection: Reflection
  readonly signal: AbortSignal
  readonly sleep: Sleep
  /** Returns a number from 0 to 1. */
  readonly random: () => number
  /** Called with each failure, and with undefined when the server responds as it should. */
  readonly onResult: (error?: unknown) => void
}

/** Milliseconds before the first retry; doubled before each further one, up to the longest. */
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 60_000

/**
 * Follows the objects at a path until the signal is aborted: lists them, then watches changes. A watch that lost its connection
 * goes on where it was. One that the server refuses, or ends at once, is no proof that its version is still good, as after a
 * restored backup of the cluster: the objects are listed again. Failures are repeated with back-off, each kind of object on its
 * own. Source: Kubernetes API concepts, efficient detection of changes; client-go, ListAndWatch.
 */
export async function reflect(client: KubernetesClient, options: ReflectorOptions): Promise<void> {
  const { path, metadataOnly, reflection, signal, sleep, random, onResult } = options
  let resourceVersion: string | undefined
  let failures = 0
  let hasEvents = false

  const list = async (): Promise<string> => {
    let version = ''
    for await (const page of client.list(path, { metadataOnly, signal })) {
      if (page.isFirst) reflection.begin()
      for (const item of page.items) reflection.set(item)
      version = page.resourceVersion
      onResult()
    }
    reflection.complete()
    return version
  }
  const watch = async (after: string): Promise<void> => {
    for await (const event of client.watch(path, { resourceVersion: after, metadataOnly, signal })) {
      failures = 0
      hasEvents = true
      if (event.type === 'BOOKMARK') {
        resourceVersion = event.resourceVersion
        onResult()
        continue
      }
      const { object } = event
      if (event.type === 'DELETED') reflection.delete(object)
      else reflection.set(object)
      resourceVersion = object.metadata.resourceVersion ?? resourceVersion
    }
  }

  while (!signal.aborted) {
    try {
      resourceVersion ??= await list()
      const startedAt = performance.now()
      hasEvents = false
      await watch(resourceVersion)
      if (performance.now() - startedAt >= FIRST_PAUSE) continue
      // a server that ends each watch at once is not requested again and again
      if (hasEvents) await sleep(FIRST_PAUSE, signal)
      else throw new WatchEndedError()
    } catch (error) {
      if (signal.aborted) return
      if (isRefusal(error)) resourceVersion = undefined
      if (!isUsual(error)) onResult(error)
      const pause = error instanceof KubernetesError ? error.retryAfter : null
      const delay = Math.min(FIRST_PAUSE * 2 ** failures++, LONGEST_PAUSE) * (0.5 + random() / 2)
      await sleep(Math.max(delay, pause ?? 0), signal).catch(() => {})
    }
  }
}

/** A watch ended within a second, without an event. */
class WatchEndedError extends Error {
  override readonly name = 'WatchEndedError'
}

/** Reports whether the server responded, so that the version may be the cause: not without a response, and not when it is busy. */
const isRefusal = (error: unknown): boolean =>
  error instanceof WatchEndedError ||
  (error instanceof KubernetesError && error.status !== null && error.status !== 429)

/** Reports whether servers and proxies that work end watches so. */
const isUsual = (error: unknown): boolean =>
  error instanceof WatchEndedError || (error instanceof KubernetesError && error.isExpired)
