import type { AuditedAction } from '../../access/audit/audit-entry.ts'
import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import { requireInNamespace, requireRight, sees, type Viewer } from '../../access/right/viewer.ts'
import { NotFoundError } from '../../input/errors.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { createImageCopies, type ImageCopyDependencies } from './copy-image.ts'
import { createMirroredTagRows } from './mirrored-tag-rows.ts'
import {
  type Destination,
  formatPlace,
  formatSource,
  type ImageMirroring,
  isOneImage,
  isRepository,
  type MirroredTag,
  type MirroringRequest,
  TooManyMirroringsError,
} from './mirroring.ts'
import { createMirroringPlans, type MirroringPlan } from './mirroring-plans.ts'
import { createMirroringRights } from './mirroring-rights.ts'
import { createMirroringRows, type MirroringFilter } from './mirroring-rows.ts'
import { createMirroringRuns, type MirroringRunDependencies } from './mirroring-runs.ts'
import { createLoopCheck } from './refuse-loops.ts'

export type MirroringDependencies = ImageCopyDependencies &
  Pick<MirroringRunDependencies, 'viewerOf' | 'onInternalError'> & { readonly audit: AuditRecorder }

/** Mirrorings of one namespace that are not finished. */
const MAX_UNFINISHED = 1_000
/** Milliseconds between two reports of one copy's progress. */
const REPORT_INTERVAL = 250

/** Copies of images between registries; a restarted server continues unfinished ones. */
export type Mirrorings = ReturnType<typeof createMirrorings>

export function createMirrorings(dependencies: MirroringDependencies) {
  const { db, audit, checkVersion, now } = dependencies
  const requireRights = createMirroringRights(dependencies)
  const requireNoLoop = createLoopCheck(dependencies)
  const rows = createMirroringRows(db)
  const tags = createMirroredTagRows(db)
  const copies = createImageCopies(dependencies)
  const closing = new AbortController()
  const runs = createMirroringRuns({ ...dependencies, copies, rows, tags, closing: closing.signal })
  const plans = createMirroringPlans(copies, closing.signal)

  const currentOf = (row: ImageMirroring): ImageMirroring => {
    const running = runs.progressOf(row.id)
    if (!running || row.finishedAt !== null) return row
    let { storedBlobCount, storedSize, fetchedSize } = row
    for (const progress of running.values()) {
      storedBlobCount += progress.storedCount
      storedSize += progress.storedSize + progress.receivedSize
      fetchedSize += progress.fetchedSize
    }
    return { ...row, storedBlobCount, storedSize, fetchedSize }
  }
  const current = (id: number): ImageMirroring | undefined => {
    const row = rows.byIds([id]).get(id)
    return row && currentOf(row)
  }
  const currentTagOf = (row: MirroredTag): MirroredTag => {
    const progress = runs.progressOf(row.mirroringId)?.get(row.id)
    if (!progress || row.finishedAt !== null) return row
    const { storedCount, storedSize, receivedSize, fetchedSize } = progress
    return {
      ...row,
      storedBlobCount: storedCount,
      storedSize: storedSize + receivedSize,
      fetchedSize,
    }
  }

  async function* states(id: number): AsyncGenerator<ImageMirroring, void, undefined> {
    let last = ''
    for (let state = current(id); state; state = current(id)) {
      const text = JSON.stringify(state)
      if (text !== last) yield state
      last = text
      if (state.finishedAt !== null || closing.signal.aborted) return
      await runs.untilEnded(id, REPORT_INTERVAL)
    }
  }

  const existing = (viewer: Viewer, id: number): ImageMirroring => {
    const found = current(id)
    if (found && sees(viewer, streamOf(found))) return found
    throw new NotFoundError('there is no mirroring with this id: the last 1,000 that ended are kept')
  }

  /** Throws unless the request may be made now. */
  const check = (viewer: Viewer, request: MirroringRequest): void => {
    requireRights(viewer, request)
    requireNoLoop(request)
    const { destination, resourceVersion } = request
    if (!isRepository(destination)) checkVersion(destination, resourceVersion)
  }

  return {
    /**
     * Returns what a mirroring would copy, without storing anything. Rejects with ConflictError and InvalidInputError, and of
     * one image as its copy fails.
     */
    async plan(viewer: Viewer, request: MirroringRequest): Promise<MirroringPlan> {
      check(viewer, request)
      return plans.plan(viewer, request)
    },

    /**
     * Requests a mirroring, or joins an unfinished one of the same request and principal. Returns its id. Throws
     * ForbiddenError, UnauthenticatedError, NotFoundError, ConflictError, and InvalidInputError where the destination is the
     * source, or too many wait or run.
     */
    request(viewer: Viewer, request: MirroringRequest): number {
      requireRights(viewer, request)
      const id = db.transact((tx) => {
        check(viewer, request)
        const twin = rows.unfinishedTwin(viewer, request)
        if (twin === undefined && runs.countOf(request.namespace) >= MAX_UNFINISHED) {
          throw new TooManyMirroringsError(MAX_UNFINISHED)
        }
        audit.record(tx, viewer, auditedRequest(request))
        return twin ?? rows.add(tx, viewer, request, now())
      })
      runs.begin({ id, namespace: request.namespace })
      return id
    },

    byIds: (ids: readonly number[]): Map<number, ImageMirroring> =>
      new Map([...rows.byIds(ids)].map(([id, row]) => [id, currentOf(row)])),
    /** Returns a page, newest first; its keys are [id]. */
    page: (viewer: Viewer, filter: MirroringFilter, page: KeysetPage): readonly ImageMirroring[] =>
      rows.page(viewer, filter, page).map(currentOf),
    count: rows.count,

    /** Returns images of mirrorings by the ids of their rows. */
    tagsByIds: (ids: readonly number[]): Map<number, MirroredTag> =>
      new Map([...tags.byIds(ids)].map(([id, row]) => [id, currentTagOf(row)])),
    /** Returns a page of the images of a mirroring, in the order of their copies; its keys are [id]. */
    tagPage: (
      { id }: Pick<ImageMirroring, 'id'>,
      state: MirroredTag['state'] | undefined,
      page: KeysetPage,
    ): readonly MirroredTag[] => tags.page(id, state, page).map(currentTagOf),
    tagCount: ({ id }: Pick<ImageMirroring, 'id'>, state: MirroredTag['state'] | undefined): number =>
      tags.count(id, state),

    /** Returns the mirroring once it has ended, or its state after so many seconds. */
    async wait(id: number, seconds: number): Promise<ImageMirroring | undefined> {
      if (seconds > 0) await runs.untilEnded(id, seconds * 1000)
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
      if (found.to === null) requireRight(viewer, 'import', streamOf(found))
      else requireInNamespace(viewer, 'credentials', found.namespace)
      if (found.finishedAt !== null) return found
      const { storedBlobCount, storedSize, fetchedSize } = found
      db.transact((tx) => {
        const progress = { storedBlobCount, storedSize, fetchedSize }
        rows.update(tx, id, { state: 'CANCELLED', finishedAt: now(), ...progress })
        tags.skipRest(tx, id, 'the mirroring was cancelled', now())
        audit.record(tx, viewer, auditedCancellation(found))
      })
      runs.abort(id)
      return current(id) ?? found
    },

    /** Continues those that a stop of the server interrupted. */
    resume(): void {
      for (const one of rows.unfinished()) runs.begin(one)
    },

    async [Symbol.asyncDispose](): Promise<void> {
      closing.abort(new Error('the server is stopping'))
      await runs.allEnded()
    },
  }
}

/** Returns the stream of a mirroring; one without a name for another registry, which is seen with the whole namespace. */
const streamOf = ({ namespace, imageStream: name }: ImageMirroring): StreamName => ({ namespace, name })

const auditedRequest = ({ namespace, destination, images }: MirroringRequest): AuditedAction => ({
  action: 'mirrorImage',
  namespace,
  target: targetOf(destination, isOneImage(images) ? images.tag : images.pattern),
  details: { source: formatSource(images) },
})

const auditedCancellation = (mirroring: ImageMirroring): AuditedAction => ({
  action: 'cancelImageMirroring',
  namespace: mirroring.namespace,
  target: targetOf(mirroring.to ?? streamOf(mirroring), mirroring.tagPattern ?? mirroring.tag),
})

const targetOf = (place: Destination, tag: string | null): string =>
  tag ? `${formatPlace(place)}:${tag}` : formatPlace(place)
