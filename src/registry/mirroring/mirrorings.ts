import { onTag } from '../../access/audit/audit-entry.ts'
import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import { requireRight, sees, type Viewer } from '../../access/right/viewer.ts'
import { Deadline } from '../../concurrency/abort.ts'
import { Semaphore } from '../../concurrency/bounded.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import type { KeysetPage } from '../../input/page.ts'
import { formatReference } from '../../oci/reference.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { BlobCopyProgress } from './copy-blobs.ts'
import { createImageCopies, type ImageCopyDependencies } from './copy-image.ts'
import { failureOf, type ImageMirroring, type MirroringRequest } from './mirroring.ts'
import { createMirroringPlans, type MirroringPlan } from './mirroring-plans.ts'
import { createMirroringRights } from './mirroring-rights.ts'
import { createMirroringRows, type MirroringFilter } from './mirroring-rows.ts'

export interface MirroringDependencies extends ImageCopyDependencies {
  readonly audit: AuditRecorder
  /** Returns the principal with its rights now, of which a deleted one has none. Null for a request from before sign-in. */
  readonly viewerOf: (principal: string | null) => Viewer
  readonly onInternalError: (error: unknown, mirroringId: number) => void
}

/** A mirroring that runs, or waits for its turn. */
interface LiveMirroring {
  readonly abort: AbortController
  readonly progress: BlobCopyProgress
  ended: Promise<void>
}

/** Copies that run at a time; more wait in the order of their requests. */
const RUNNING = 4
/** Mirrorings that are not finished. */
const MAX_UNFINISHED = 1_000
/** Milliseconds of the longest copy: less than the lease of the blobs that it stored first. */
const LONGEST = 20 * 60 * 60 * 1000
/** Milliseconds until a failure that could not be stored is stored. */
const STORAGE_RETRY_DELAY = 5_000
/** Milliseconds between two reports of one copy's progress. */
const REPORT_INTERVAL = 250

/** Copies of images from registries into the integrated one; a restarted server continues unfinished ones. */
export type Mirrorings = ReturnType<typeof createMirrorings>

export function createMirrorings(dependencies: MirroringDependencies) {
  const { db, audit, viewerOf, checkVersion, onInternalError, sleep, now } = dependencies
  const requireRights = createMirroringRights(dependencies)
  const rows = createMirroringRows(db)
  const copies = createImageCopies(dependencies)
  const live = new Map<number, LiveMirroring>()
  const running = new Semaphore(RUNNING)
  const closing = new AbortController()
  const plans = createMirroringPlans(copies, closing.signal)

  const currentOf = (row: ImageMirroring): ImageMirroring => {
    const progress = live.get(row.id)?.progress
    if (!progress || row.finishedAt !== null) return row
    const { storedCount, storedSize, receivedSize, fetchedSize } = progress
    return { ...row, storedBlobCount: storedCount, storedSize: storedSize + receivedSize, fetchedSize }
  }
  const current = (id: number): ImageMirroring | undefined => {
    const row = rows.byIds([id]).get(id)
    return row && currentOf(row)
  }

  const finish = (
    id: number,
    changes: Pick<ImageMirroring, 'state'> & Partial<Pick<ImageMirroring, 'reason' | 'message'>>,
  ) => ({ ...progressColumns(live.get(id)?.progress), ...changes, finishedAt: now() })

  const run = async (id: number, { abort, progress }: LiveMirroring): Promise<void> => {
    const stored = rows.request(id)
    if (!stored || abort.signal.aborted || closing.signal.aborted) return
    using deadline = new Deadline(LONGEST, abort.signal, closing.signal)
    const known = rows.byIds([id]).get(id)?.digest ?? null
    db.transact((tx) => rows.update(tx, id, { state: 'RUNNING', startedAt: now() }))
    await copies.copy(stored.request, known, {
      viewer: () => viewerOf(stored.requestedBy),
      progress,
      signal: deadline.signal,
      onRead: ({ digest, tree }) =>
        db.transact((tx) => {
          const counts = { manifestCount: tree.manifests.length, blobCount: tree.blobs.size, size: tree.size }
          rows.update(tx, id, { digest, ...counts })
        }),
      onStored: (tx) => rows.update(tx, id, finish(id, { state: 'SUCCEEDED' })),
    })
  }

  /**
   * Records the failure, as soon as this server can write: until then the mirroring has not ended. Records nothing where
   * the server stops: the next start continues.
   */
  const recordFailure = async (id: number, error: unknown, { abort }: LiveMirroring): Promise<void> => {
    const ended = AbortSignal.any([abort.signal, closing.signal])
    if (ended.aborted) return
    const failure = failureOf(error) ?? {
      reason: 'InternalError' as const,
      message: 'internal error: see the log',
    }
    if (failureOf(error) === undefined) onInternalError(error, id)
    while (!ended.aborted) {
      try {
        db.transact((tx) => rows.update(tx, id, finish(id, { state: 'FAILED', ...failure })))
        return
      } catch (writeError) {
        onInternalError(writeError, id)
        await sleep(STORAGE_RETRY_DELAY, ended).catch(() => {})
      }
    }
  }

  const enqueue = (id: number): void => {
    const one: LiveMirroring = {
      abort: new AbortController(),
      progress: new BlobCopyProgress(),
      ended: Promise.resolve(),
    }
    live.set(id, one)
    one.ended = running
      .run(() => run(id, one))
      .catch((error: unknown) => recordFailure(id, error, one))
      .finally(() => live.delete(id))
  }

  /** Resolves when the mirroring ends, or after the milliseconds. */
  const untilEnded = async (id: number, milliseconds: number): Promise<void> => {
    const ended = live.get(id)?.ended
    if (!ended) return
    using deadline = new Deadline(milliseconds, closing.signal)
    const { signal } = deadline
    await Promise.race([
      ended,
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
    ])
  }

  async function* states(id: number): AsyncGenerator<ImageMirroring, void, undefined> {
    let last = ''
    for (let state = current(id); state; state = current(id)) {
      const text = JSON.stringify(state)
      if (text !== last) yield state
      last = text
      if (state.finishedAt !== null || closing.signal.aborted) return
      await untilEnded(id, REPORT_INTERVAL)
    }
  }

  const existing = (viewer: Viewer, id: number): ImageMirroring => {
    const found = current(id)
    if (found && sees(viewer, streamOf(found))) return found
    throw new NotFoundError('there is no mirroring with this id: the last 1,000 that ended are kept')
  }

  return {
    /** Returns what a mirroring would copy, without storing anything. Rejects with ConflictError, and as a copy fails. */
    async plan(viewer: Viewer, request: MirroringRequest): Promise<MirroringPlan> {
      requireRights(viewer, request)
      checkVersion({ namespace: request.namespace, name: request.imageStream }, request.resourceVersion)
      return plans.plan(viewer, request)
    },

    /**
     * Requests a mirroring, or joins an unfinished one of the same request and principal. Returns its id. Throws
     * ForbiddenError, UnauthenticatedError, NotFoundError, ConflictError, and InvalidInputError where too many wait or run.
     */
    request(viewer: Viewer, request: MirroringRequest): number {
      requireRights(viewer, request)
      const id = db.transact((tx) => {
        checkVersion({ namespace: request.namespace, name: request.imageStream }, request.resourceVersion)
        const twin = rows.unfinishedTwin(viewer, request)
        if (twin === undefined && live.size >= MAX_UNFINISHED) {
          throw new InvalidInputError(
            'imageStream',
            `${MAX_UNFINISHED} mirrorings wait or run: repeat the request when some have ended, or cancel those that run`,
          )
        }
        audit.record(tx, viewer, onTag('mirrorImage', request, { source: formatReference(request.source) }))
        return twin ?? rows.add(tx, viewer, request, now())
      })
      if (!live.has(id)) enqueue(id)
      return id
    },

    byIds: (ids: readonly number[]): Map<number, ImageMirroring> =>
      new Map([...rows.byIds(ids)].map(([id, row]) => [id, currentOf(row)])),
    /** Returns a page, newest first; its keys are [id]. */
    page: (viewer: Viewer, filter: MirroringFilter, page: KeysetPage): readonly ImageMirroring[] =>
      rows.page(viewer, filter, page).map(currentOf),
    count: rows.count,

    /** Returns the mirroring once it has ended, or its state after so many seconds. */
    async wait(id: number, seconds: number): Promise<ImageMirroring | undefined> {
      if (seconds > 0) await untilEnded(id, seconds * 1000)
      return current(id)
    },

    /** Yields the state of the mirroring, and again as it progresses, until it has ended. Throws NotFoundError. */
    follow(viewer: Viewer, id: number): AsyncGenerator<ImageMirroring, void, undefined> {
      existing(viewer, id)
      return states(id)
    },

    /** Ends a mirroring; one that has ended stays as it is. Returns it. Throws NotFoundError and ForbiddenError. */
    cancel(viewer: Viewer, id: number): ImageMirroring {
      const found = existing(viewer, id)
      requireRight(viewer, 'import', streamOf(found))
      if (found.finishedAt !== null) return found
      db.transact((tx) => {
        rows.update(tx, id, finish(id, { state: 'CANCELLED' }))
        audit.record(tx, viewer, onTag('cancelImageMirroring', found))
      })
      live.get(id)?.abort.abort(new Error('the mirroring was cancelled'))
      return current(id) ?? found
    },

    /** Continues those that a stop of the server interrupted. */
    resume(): void {
      for (const id of rows.unfinished()) if (!live.has(id)) enqueue(id)
    },

    async [Symbol.asyncDispose](): Promise<void> {
      closing.abort(new Error('the server is stopping'))
      await Promise.all([...live.values()].map(({ ended }) => ended))
    },
  }
}

const streamOf = ({ namespace, imageStream: name }: ImageMirroring): StreamName => ({ namespace, name })

const progressColumns = (progress: BlobCopyProgress | undefined) =>
  progress && {
    storedBlobCount: progress.storedCount,
    storedSize: progress.storedSize,
    fetchedSize: progress.fetchedSize,
  }
