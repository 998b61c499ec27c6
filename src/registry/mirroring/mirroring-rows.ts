import { and, desc, eq, inArray, isNotNull, isNull, lte, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { rowsOfPage } from '../../db/page.ts'
import { conditionOf } from '../../db/search.ts'
import { imageMirrorings } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { visibleStreams } from '../../db/visible-places.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { ImageMirroring, MirroringRequest } from './mirroring.ts'
import { columnsOf, mirroringOf, requestOf } from './stored-request.ts'

/** Selects mirrorings; `undefined` selects all. `imageStream` and `tag` are patterns. */
export interface MirroringFilter {
  readonly namespace: string | undefined
  readonly imageStream: string | undefined
  readonly tag: string | undefined
  readonly state: ImageMirroring['state'] | undefined
}

/** Finished mirrorings that are kept. */
const KEPT_MIRRORINGS = 1_000

/** Columns that have the names of the stream. */
const STREAM = { namespace: 'image_mirrorings.namespace', name: 'image_mirrorings.image_stream' }

type Row = typeof imageMirrorings.$inferSelect
type Changes = Partial<
  Pick<
    Row,
    | 'state'
    | 'startedAt'
    | 'finishedAt'
    | 'reason'
    | 'message'
    | 'storedBlobCount'
    | 'storedSize'
    | 'fetchedSize'
  >
>

/** A request as it is stored. */
export interface StoredRequest {
  readonly request: MirroringRequest
  /** Id of the principal; null from before there was sign-in. */
  readonly requestedBy: string | null
  /** Whether its tags were listed. */
  readonly isListed: boolean
}

/** The rows of mirrorings. */
export type MirroringRows = ReturnType<typeof createMirroringRows>

/** Creates the reads and writes of stored mirrorings. */
export function createMirroringRows({ orm }: Database) {
  const { id, namespace, imageStream, tag, requestedBy, state, finishedAt } = imageMirrorings
  const condition = ({ rights }: Viewer, filter: MirroringFilter) =>
    and(
      conditionOf(visibleStreams(rights, STREAM)),
      filter.namespace === undefined ? undefined : eq(namespace, filter.namespace),
      filter.imageStream === undefined ? undefined : sql`matches_glob(${filter.imageStream}, ${imageStream})`,
      filter.tag === undefined ? undefined : sql`matches_glob(${filter.tag}, ${tag})`,
      filter.state === undefined ? undefined : eq(state, filter.state),
    )

  return {
    /** Returns the id of an unfinished mirroring with this request of this principal; undefined for none. */
    unfinishedTwin(viewer: Viewer, request: MirroringRequest): number | undefined {
      const columns = columnsOf(request)
      return orm
        .select({ id })
        .from(imageMirrorings)
        .where(
          and(
            isNull(finishedAt),
            eq(namespace, columns.namespace),
            eq(imageStream, columns.imageStream),
            eq(imageMirrorings.tag, columns.tag),
            eq(imageMirrorings.source, columns.source),
            isOrNull(imageMirrorings.toRepository, columns.toRepository),
            isOrNull(imageMirrorings.tagPattern, columns.tagPattern),
            eq(imageMirrorings.options, columns.options),
            eq(requestedBy, viewer.id),
          ),
        )
        .get()?.id
    },

    /** Adds a mirroring that waits to run, and removes the oldest finished ones. Returns its id. */
    add(_tx: Transaction, viewer: Viewer, request: MirroringRequest, createdAt: number): number {
      const added = orm
        .insert(imageMirrorings)
        .values({
          ...columnsOf(request),
          requestedBy: viewer.id,
          state: 'PENDING',
          createdAt,
          storedBlobCount: 0,
          storedSize: 0,
          fetchedSize: 0,
        })
        .returning({ id })
        .get()
      const oldest = orm
        .select({ id })
        .from(imageMirrorings)
        .where(isNotNull(finishedAt))
        .orderBy(desc(id))
        .limit(1)
        .offset(KEPT_MIRRORINGS)
        .get()
      if (oldest) {
        orm
          .delete(imageMirrorings)
          .where(and(lte(id, oldest.id), isNotNull(finishedAt)))
          .run()
      }
      return added.id
    },

    update(_tx: Transaction, mirroringId: number, changes: Changes): void {
      orm.update(imageMirrorings).set(changes).where(eq(id, mirroringId)).run()
    },

    /** Returns those that are not finished, oldest first. */
    unfinished: (): readonly { readonly id: number; readonly namespace: string }[] =>
      orm
        .select({ id, namespace: imageMirrorings.namespace })
        .from(imageMirrorings)
        .where(isNull(finishedAt))
        .orderBy(id)
        .all(),

    /** Returns the request; undefined for an unknown mirroring. */
    request(mirroringId: number): StoredRequest | undefined {
      const row = orm.select().from(imageMirrorings).where(eq(id, mirroringId)).get()
      if (!row) return undefined
      return {
        request: requestOf(row),
        requestedBy: row.requestedBy,
        isListed: row.listedAt !== null,
      }
    },

    byIds: (ids: readonly number[]): Map<number, ImageMirroring> =>
      new Map(
        orm
          .select()
          .from(imageMirrorings)
          .where(inArray(id, [...ids]))
          .all()
          .map((row) => [row.id, mirroringOf(row)]),
      ),

    /** Returns a page, newest first; its keys are [id]. */
    page(viewer: Viewer, filter: MirroringFilter, page: KeysetPage): ImageMirroring[] {
      const list = { columns: [id], where: condition(viewer, filter), descending: true }
      return rowsOfPage(orm.select().from(imageMirrorings).$dynamic(), page, list).map(mirroringOf)
    },

    count: (viewer: Viewer, filter: MirroringFilter): number =>
      orm
        .select({ count: sql<number>`count(*)` })
        .from(imageMirrorings)
        .where(condition(viewer, filter))
        .get()?.count ?? 0,
  }
}

const isOrNull = (column: SQLiteColumn, value: string | null) =>
  value === null ? isNull(column) : eq(column, value)
