import { and, count, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm'
import { BATCH, inBatches } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { rowsOfPage } from '../../db/page.ts'
import { imageMirrorings, mirroredTags } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { Digest } from '../../oci/digest.ts'
import { formatReference } from '../../oci/reference.ts'
import type { MirroredImage, MirroredTag, MirroringFailure } from './mirroring.ts'

/** How the copy of one image ended. */
export interface MirroredOutcome {
  readonly state: 'COPIED' | 'UNCHANGED' | 'FAILED' | 'SKIPPED'
  readonly digest?: Digest
  readonly storedBlobCount?: number
  readonly storedSize?: number
  readonly fetchedSize?: number
  readonly reason?: MirroringFailure
  readonly message?: string
}

/** What the manifests of an image say. */
export interface ReadContent {
  readonly digest: Digest
  readonly manifestCount: number
  readonly blobCount: number
  readonly size: number
}

/** The images of a mirroring. */
interface ListedImages {
  readonly images: readonly MirroredImage[]
  /** Reports whether the image is part of others, which are copied with it. */
  readonly isSkipped: (image: MirroredImage) => boolean
}

const COUNTER = {
  COPIED: 'copiedTagCount',
  UNCHANGED: 'unchangedTagCount',
  FAILED: 'failedTagCount',
  SKIPPED: 'skippedTagCount',
} as const

const HOLDS_REFERRERS =
  'the tag holds signatures or other referrers of an image: includeReferrers copies them with the image'

/** The rows of the images of mirrorings. */
export type MirroredTagRows = ReturnType<typeof createMirroredTagRows>

/** Creates the reads and writes of the images of mirrorings. The mirroring's own row has the sums of its images. */
export function createMirroredTagRows({ orm }: Database) {
  const { id, mirroringId, state } = mirroredTags
  const plus = (column: keyof typeof imageMirrorings.$inferSelect, more: number): SQL =>
    sql`coalesce(${imageMirrorings[column]}, 0) + ${more}`

  const updateMirroring = (ownerId: number, changes: Readonly<Record<string, unknown>>): void => {
    orm.update(imageMirrorings).set(changes).where(eq(imageMirrorings.id, ownerId)).run()
  }

  /** Sets the image of a mirroring of one image. */
  const setDigest = (ownerId: number, digest: Digest): void => {
    const isOfOne = and(eq(imageMirrorings.id, ownerId), isNull(imageMirrorings.tagPattern))
    orm.update(imageMirrorings).set({ digest }).where(isOfOne).run()
  }

  const isPending = (ownerId: number): SQL | undefined => and(eq(mirroringId, ownerId), eq(state, 'PENDING'))

  const hasPending = (ownerId: number): boolean =>
    orm.select({ id }).from(mirroredTags).where(isPending(ownerId)).limit(1).get() !== undefined

  return {
    /** Adds the images that were listed. Those that `isSkipped` end at once. */
    add(_tx: Transaction, ownerId: number, { images, isSkipped }: ListedImages, at: number): void {
      const rows = images.map((image) => {
        const { source, tag } = image
        return {
          ...{ mirroringId: ownerId, source: formatReference(source), tag },
          ...(isSkipped(image)
            ? { state: 'SKIPPED' as const, finishedAt: at, message: HOLDS_REFERRERS }
            : { state: 'PENDING' as const, finishedAt: null, message: null }),
        }
      })
      for (const batch of inBatches(rows))
        orm
          .insert(mirroredTags)
          .values([...batch])
          .run()
      const skippedTagCount = rows.filter((row) => row.state === 'SKIPPED').length
      updateMirroring(ownerId, { listedAt: at, tagCount: rows.length, skippedTagCount })
    },

    /** Returns the next images that are not finished, after a row. */
    pending: (ownerId: number, after: number): readonly MirroredTag[] =>
      rowsOfPage(
        orm.select().from(mirroredTags).$dynamic(),
        { limit: BATCH, peek: false, after: [after] },
        { columns: [id], where: isPending(ownerId) },
      ),

    /** Records what the manifests say, in place of what an interrupted copy of the image has recorded. */
    read(_tx: Transaction, { id: tagId, mirroringId: ownerId }: MirroredTag, content: ReadContent): void {
      const before = orm.select().from(mirroredTags).where(eq(id, tagId)).get()
      orm.update(mirroredTags).set(content).where(eq(id, tagId)).run()
      updateMirroring(ownerId, {
        manifestCount: plus('manifestCount', content.manifestCount - (before?.manifestCount ?? 0)),
        blobCount: plus('blobCount', content.blobCount - (before?.blobCount ?? 0)),
        size: plus('size', content.size - (before?.size ?? 0)),
      })
      setDigest(ownerId, content.digest)
    },

    /** Records how the copy of an image ended. Returns whether all images of the mirroring have ended. */
    end(
      _tx: Transaction,
      { id: tagId, mirroringId: ownerId }: MirroredTag,
      outcome: MirroredOutcome,
      at: number,
    ): boolean {
      const ended = orm
        .update(mirroredTags)
        .set({ ...outcome, finishedAt: at })
        .where(and(eq(id, tagId), eq(state, 'PENDING')))
        .run().changes
      if (ended === 0) return false
      const counter = COUNTER[outcome.state]
      updateMirroring(ownerId, {
        [counter]: plus(counter, 1),
        storedBlobCount: plus('storedBlobCount', outcome.storedBlobCount ?? 0),
        storedSize: plus('storedSize', outcome.storedSize ?? 0),
        fetchedSize: plus('fetchedSize', outcome.fetchedSize ?? 0),
      })
      if (outcome.digest !== undefined) setDigest(ownerId, outcome.digest)
      return !hasPending(ownerId)
    },

    /** Returns the first image that failed. */
    firstFailed: (ownerId: number): MirroredTag | undefined =>
      orm
        .select()
        .from(mirroredTags)
        .where(and(eq(mirroringId, ownerId), eq(state, 'FAILED')))
        .orderBy(id)
        .limit(1)
        .get(),

    /** Skips all images that have not ended. */
    skipRest(_tx: Transaction, ownerId: number, message: string, at: number): void {
      const skipped = orm
        .update(mirroredTags)
        .set({ state: 'SKIPPED', finishedAt: at, message })
        .where(isPending(ownerId))
        .run().changes
      updateMirroring(ownerId, { skippedTagCount: plus('skippedTagCount', skipped) })
    },

    byIds: (ids: readonly number[]): Map<number, MirroredTag> =>
      new Map(
        orm
          .select()
          .from(mirroredTags)
          .where(inArray(id, [...ids]))
          .all()
          .map((row) => [row.id, row]),
      ),

    /** Returns a page of the images of a mirroring in the order of their copies; its keys are [id]. */
    page: (ownerId: number, wanted: MirroredTag['state'] | undefined, page: KeysetPage): MirroredTag[] =>
      rowsOfPage(orm.select().from(mirroredTags).$dynamic(), page, {
        columns: [id],
        where: and(eq(mirroringId, ownerId), wanted === undefined ? undefined : eq(state, wanted)),
      }),

    count: (ownerId: number, wanted: MirroredTag['state'] | undefined): number =>
      orm
        .select({ total: count() })
        .from(mirroredTags)
        .where(and(eq(mirroringId, ownerId), wanted === undefined ? undefined : eq(state, wanted)))
        .get()?.total ?? 0,
  }
}
