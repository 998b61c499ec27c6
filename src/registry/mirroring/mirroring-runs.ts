import type { Viewer } from '../../access/right/viewer.ts'
import { Deadline } from '../../concurrency/abort.ts'
import { forEachBounded, SharedSemaphore } from '../../concurrency/bounded.ts'
import type { Transaction } from '../../db/transact.ts'
import { parseReference } from '../../oci/reference.ts'
import { isReferrersTag } from '../../oci/tag.ts'
import { BlobCopyProgress } from './blob-copy-progress.ts'
import type { ImageCopies, ImageCopyDependencies } from './copy-image.ts'
import type { MirroredOutcome, MirroredTagRows } from './mirrored-tag-rows.ts'
import { failureOf, formatSource, isOneImage, type MirroredTag, type MirroringFailure } from './mirroring.ts'
import type { MirroringRows, StoredRequest } from './mirroring-rows.ts'

export interface MirroringRunDependencies extends Pick<ImageCopyDependencies, 'db' | 'sleep' | 'now'> {
  /** Returns the principal with its rights now, of which a deleted one has none. Null for a request from before sign-in. */
  readonly viewerOf: (principal: string | null) => Viewer
  readonly onInternalError: (error: unknown, mirroringId: number) => void
  readonly copies: ImageCopies
  readonly rows: MirroringRows
  readonly tags: MirroredTagRows
  /** Aborted when the server stops. */
  readonly closing: AbortSignal
}

/** A mirroring that runs, or waits for its turn. */
interface LiveMirroring {
  readonly namespace: string
  readonly abort: AbortController
  /** Images that are being copied, by the ids of their rows. */
  readonly running: Map<number, BlobCopyProgress>
  isStarted: boolean
  ended: Promise<void>
}

/** Images that are copied at a time, of all mirrorings and of those of one namespace; more wait in the order of the requests. */
const AT_A_TIME = { limit: 16, share: 4 }
/** Tags of one mirroring. */
const MAX_TAGS = 10_000
/** Milliseconds of the longest copy of an image: less than the lease of the blobs that it stored first. */
const LONGEST = 20 * 60 * 60 * 1000
/** Milliseconds until a failure that could not be stored is stored. */
const STORAGE_RETRY_DELAY = 5_000

const INTERNAL_ERROR = { reason: 'InternalError', message: 'internal error: see the log' } as const

/** Creates the runs of stored mirrorings: their tags are listed once, then each image is copied. */
export function createMirroringRuns(dependencies: MirroringRunDependencies) {
  const { db, copies, rows, tags, viewerOf, onInternalError, closing, sleep, now } = dependencies
  const live = new Map<number, LiveMirroring>()
  const slots = new SharedSemaphore(AT_A_TIME)

  const start = (id: number, one: LiveMirroring): void => {
    if (one.isStarted) return
    one.isStarted = true
    db.transact((tx) => rows.update(tx, id, { state: 'RUNNING', startedAt: now() }))
  }

  const list = async (id: number, { request, requestedBy }: StoredRequest, signal: AbortSignal) => {
    const viewer = viewerOf(requestedBy)
    const images = await copies.list(viewer, request, { maximum: MAX_TAGS, work: 'a mirroring', signal })
    const isSkipped = ({ tag }: (typeof images)[number]): boolean =>
      !isOneImage(request.images) && tag !== null && isReferrersTag(tag)
    db.transact((tx) => {
      signal.throwIfAborted()
      tags.add(tx, id, { images, isSkipped }, now())
      if (images.every(isSkipped)) finish(tx, id, none(request))
    })
  }

  /** Ends a mirroring whose images have all ended, or that has none. */
  const finish = (tx: Transaction, id: number, failure?: Failure): void => {
    const failed = failure ?? failureOfTags(id)
    rows.update(tx, id, { state: failed ? 'FAILED' : 'SUCCEEDED', ...failed, finishedAt: now() })
  }

  const failureOfTags = (id: number): Failure | undefined => {
    const first = tags.firstFailed(id)
    const whole = rows.byIds([id]).get(id)
    if (!first || !whole) return undefined
    // only this room writes it
    const reason = first.reason as MirroringFailure
    if (whole.tagPattern === null) return { reason, message: first.message ?? '' }
    const { failedTagCount, tagCount } = whole
    return { reason, message: `${failedTagCount} of ${tagCount} tags failed; ${first.tag}: ${first.message}` }
  }

  const endTag = (tx: Transaction, tag: MirroredTag, outcome: MirroredOutcome): void => {
    const {
      storedCount = 0,
      storedSize = 0,
      fetchedSize = 0,
    } = live.get(tag.mirroringId)?.running.get(tag.id) ?? {}
    const progress = { storedBlobCount: storedCount, storedSize, fetchedSize }
    if (tags.end(tx, tag, { ...outcome, ...progress }, now())) finish(tx, tag.mirroringId)
  }

  const copy = async (tag: MirroredTag, stored: StoredRequest, one: LiveMirroring): Promise<void> => {
    using deadline = new Deadline(LONGEST, one.abort.signal, closing)
    const { signal } = deadline
    const { request, requestedBy } = stored
    const progress = new BlobCopyProgress()
    one.running.set(tag.id, progress)
    const image = { source: parseReference(tag.source), tag: tag.tag, request, known: tag.digest }
    try {
      signal.throwIfAborted()
      start(tag.mirroringId, one)
      await copies.copy(image, {
        viewer: () => viewerOf(requestedBy),
        progress,
        signal,
        onRead: ({ digest, tree }) => {
          const content = {
            manifestCount: tree.manifests.length,
            blobCount: tree.blobs.size,
            size: tree.size,
          }
          db.transact((tx) => tags.read(tx, tag, { digest, ...content }))
        },
        onStored: (tx, outcome) => endTag(tx, tag, outcome),
      })
    } catch (error) {
      await record(error, tag.mirroringId, one, (tx, failure) =>
        endTag(tx, tag, { state: 'FAILED', ...failure }),
      )
    } finally {
      one.running.delete(tag.id)
    }
  }

  /**
   * Records the failure, as soon as this server can write. Records nothing where the server stops: the next start continues.
   */
  const record = async (
    error: unknown,
    id: number,
    { abort }: LiveMirroring,
    write: (tx: Transaction, failure: Failure) => void,
  ): Promise<void> => {
    const ended = AbortSignal.any([abort.signal, closing])
    if (ended.aborted) return
    const failure = failureOf(error) ?? INTERNAL_ERROR
    if (failure === INTERNAL_ERROR) onInternalError(error, id)
    while (!ended.aborted) {
      try {
        db.transact((tx) => write(tx, failure))
        return
      } catch (writeError) {
        onInternalError(writeError, id)
        await sleep(STORAGE_RETRY_DELAY, ended).catch(() => {})
      }
    }
  }

  /** Lists the tags unless that is done, and copies the first image; the others are copied next to it. */
  const run = async (id: number, one: LiveMirroring): Promise<void> => {
    const signal = AbortSignal.any([one.abort.signal, closing])
    const images = pending(id)
    try {
      const stored = await slots.run(one.namespace, async () => {
        signal.throwIfAborted()
        const found = rows.request(id)
        if (!found) throw new Error('the request of a mirroring is missing')
        if (!found.isListed) {
          start(id, one)
          await list(id, found, signal)
        }
        const first = images.next()
        if (!first.done) await copy(first.value, found, one)
        return found
      })
      await forEachBounded(images, AT_A_TIME.share, (tag) =>
        slots.run(one.namespace, () => copy(tag, stored, one)),
      )
    } catch (error) {
      await record(error, id, one, (tx, failure) => finish(tx, id, failure))
    }
  }

  function* pending(id: number): Generator<MirroredTag> {
    for (let after = 0; ; ) {
      const some = tags.pending(id, after)
      yield* some
      const last = some.at(-1)
      if (!last) return
      after = last.id
    }
  }

  return {
    /** Returns the number of mirrorings of a namespace that are not finished. */
    countOf: (namespace: string): number =>
      [...live.values()].filter((one) => one.namespace === namespace).length,

    /** Starts a mirroring, or lets it wait; one that runs continues. */
    begin({ id, namespace }: { readonly id: number; readonly namespace: string }): void {
      if (live.has(id)) return
      const one: LiveMirroring = {
        namespace,
        abort: new AbortController(),
        running: new Map(),
        isStarted: false,
        ended: Promise.resolve(),
      }
      live.set(id, one)
      one.ended = run(id, one).finally(() => live.delete(id))
    },

    /** Returns the progress of the images that are being copied, by the ids of their rows. */
    progressOf: (id: number): ReadonlyMap<number, BlobCopyProgress> | undefined => live.get(id)?.running,

    /** Ends a run, whose outcome the caller has recorded. */
    abort: (id: number): void => live.get(id)?.abort.abort(new Error('the mirroring was cancelled')),

    /** Resolves when the mirroring ends, or after the milliseconds. */
    async untilEnded(id: number, milliseconds: number): Promise<void> {
      const ended = live.get(id)?.ended
      if (!ended) return
      using deadline = new Deadline(milliseconds, closing)
      const { signal } = deadline
      await Promise.race([
        ended,
        new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
      ])
    },

    /** Resolves when all runs have ended. */
    allEnded: async (): Promise<void> =>
      void (await Promise.all([...live.values()].map(({ ended }) => ended))),
  }
}

interface Failure {
  readonly reason: MirroringFailure
  readonly message: string
}

const none = ({ images }: StoredRequest['request']): Failure => ({
  reason: 'NotFound',
  message: `no image of ${formatSource(images)} has a tag that matches ${isOneImage(images) ? '' : `"${images.pattern}"`}`,
})
