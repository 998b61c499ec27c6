import type { Viewer } from '../../access/right/viewer.ts'
import { turnToRead } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { keyset, type SortColumn } from '../../db/page.ts'
import { type Criterion, criterion, probes } from '../../db/search.ts'
import type { Parameter } from '../../db/statement.ts'
import { windowsOf } from '../../db/windows.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Image } from '../image/image.ts'
import { visibleAt, visibleImages } from '../image/image-holders.ts'
import type { Images } from '../image/images.ts'
import { isAtRegistry, runsOn } from '../tag/tag-search.ts'
import { createStreamWalk, type WalkedStreams } from './stream-walk.ts'

/** Criteria for images; an image meets all that are set. */
export interface ImageListFilter extends WalkedStreams {
  readonly digest?: Digest | undefined
  readonly kind?: Image['kind'] | undefined
  readonly mediaType?: string | undefined
  readonly artifactType?: string | undefined
  /** Platform of the image or of an image of the index, in any spelling; `linux/arm64` includes every variant. */
  readonly platform?: string | undefined
  /** Host of the pull spec where the image was last found: `docker.io`. */
  readonly registry?: string | undefined
}

/** By the time at which they were first stored. */
export type ImageOrder = 'NEWEST_FIRST' | 'OLDEST_FIRST'

export interface ImageListQuery extends ImageListFilter {
  readonly order: ImageOrder
  readonly page: KeysetPage
}

/** Lists of the images of all streams. */
export type ImageList = ReturnType<typeof createImageList>

/** Tags of the streams whose images are collected by one statement, and ids of images that one statement checks. */
const ROWS = 2_000

const sortOf = (order: ImageOrder): readonly SortColumn[] => [
  { column: 'id', descending: order === 'NEWEST_FIRST' },
]

function criteriaOf(
  { rights }: Viewer,
  { digest, kind, mediaType, artifactType, platform, registry }: ImageListFilter,
): Criterion[] {
  const criteria = visibleImages(rights, 'images.id')
  const equals = (column: string, value: string | undefined): void => {
    if (value !== undefined) criteria.push(criterion(`${column} = ?`, [value]))
  }
  equals('digest', digest)
  equals('kind', kind)
  equals('+media_type', mediaType)
  equals('+artifact_type', artifactType)
  if (platform !== undefined) {
    const { text, values } = runsOn('platforms', platform)
    criteria.push(criterion(text, values))
  }
  if (registry !== undefined) {
    const isThere = (column: string) => isAtRegistry(column, registry)
    // the pull spec of the image itself may be of a stream that the viewer does not see
    const { text, values } = isThere('docker_image_reference')
    criteria.push(
      rights.scopes.length === 0 ? criterion(text, values) : visibleAt(rights, 'images.id', isThere),
    )
  }
  return criteria
}

/** Creates lists of images, which are read in bounded statements, between which other work runs. */
export function createImageList(db: Database, images: Images) {
  const walk = createStreamWalk(db)
  const ofStreams = db.prepare<{ imageId: number }>(
    `select distinct newest_image_id as imageId from tags
     where stream_id in (select value from json_each(?)) and removed_at is null and newest_image_id is not null`,
  )
  const ofStream = db.prepare<{ id: number; newestAt: number; imageId: number | null }>(
    `select id, newest_at as newestAt, newest_image_id as imageId from tags indexed by tags_by_newest
     where stream_id = ? and removed_at is null and (newest_at, id) > (?, ?) order by newest_at, id limit ${ROWS}`,
  )

  /** Returns the ids of the images that tags of the streams point to, ascending. */
  async function idsOfStreams(
    viewer: Viewer,
    filter: WalkedStreams,
    signal: AbortSignal | undefined,
  ): Promise<number[]> {
    const found = new Set<number>()
    for await (const { streams, isSmall } of walk(viewer, filter, {}, { rows: () => ROWS, signal })) {
      const ids = streams.map(({ id }) => id)
      if (isSmall) {
        for (const { imageId } of ofStreams.all(JSON.stringify(ids))) found.add(imageId)
        continue
      }
      for (const id of ids) {
        for (let at: readonly number[] | undefined = [-1, 0]; at; await turnToRead(signal)) {
          const tags = ofStream.all(id, ...at)
          for (const { imageId } of tags) if (imageId !== null) found.add(imageId)
          const last = tags.at(-1)
          at = last && [last.newestAt, last.id]
        }
      }
    }
    return [...found].sort((one, other) => one - other)
  }

  /** Yields parts of the page in its order of reading, each a condition that selects a bounded number of images. */
  async function* partsOf(
    viewer: Viewer,
    { order, page, ...filter }: ImageListQuery,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<{
    readonly condition: string
    readonly values: readonly Parameter[]
    readonly page: KeysetPage
  }> {
    const { namespace, stream, digest, kind } = filter
    if (digest !== undefined && namespace === undefined && stream === undefined) {
      yield { condition: 'true', values: [], page }
      return
    }
    if (namespace === undefined && stream === undefined) {
      const from = kind === undefined ? 'images' : 'images indexed by images_by_kind'
      const where = kind === undefined ? [] : [{ text: 'kind = ?', values: [kind] }]
      const rows = { from, where, columns: sortOf(order) }
      const count = criteriaOf(viewer, filter).length
      for await (const window of windowsOf(db, rows, { page, probes: count, signal })) {
        yield { condition: 'true', values: [], page: window }
      }
      return
    }
    const ids = await idsOfStreams(viewer, { namespace, stream }, signal)
    if ((order === 'NEWEST_FIRST') !== Boolean(page.fromEnd)) ids.reverse()
    for (let at = 0; at < ids.length; at += ROWS) {
      await turnToRead(signal)
      const part = JSON.stringify(ids.slice(at, at + ROWS))
      yield { condition: 'id in (select value from json_each(?))', values: [part], page }
    }
  }

  return {
    /** Returns a page of the visible images that meet the filter; its keys are [id]. */
    async page(viewer: Viewer, query: ImageListQuery, signal?: AbortSignal): Promise<Image[]> {
      const { page, order, ...filter } = query
      const { where, values } = probes(criteriaOf(viewer, filter))
      const wanted = keyset(page, sortOf(order)).limit
      let found: number[] = []
      for await (const part of partsOf(viewer, query, signal)) {
        const rest = { ...part.page, limit: wanted - found.length, peek: false }
        const { condition, keys, orderBy, limit, inOrder } = keyset(rest, sortOf(order))
        const conditions = [part.condition, ...where, ...condition].join(' and ')
        const ids = inOrder(
          db
            .prepare<{ id: number }>(`select id from images where ${conditions} order by ${orderBy} limit ?`)
            .all(...part.values, ...values, ...keys, limit),
        ).map(({ id }) => id)
        found = page.fromEnd ? [...ids, ...found] : [...found, ...ids]
        if (found.length >= wanted) break
      }
      const byId = images.byIds(found)
      return found.flatMap((id) => byId.get(id) ?? [])
    },

    /** Returns the number of visible images that meet the filter: changes meanwhile may be counted or not. */
    async count(viewer: Viewer, filter: ImageListFilter, signal?: AbortSignal): Promise<number> {
      const { where, values } = probes(criteriaOf(viewer, filter))
      let total = 0
      for await (const part of partsOf(
        viewer,
        { ...filter, order: 'OLDEST_FIRST', page: { limit: 0 } },
        signal,
      )) {
        const { condition, keys } = keyset(part.page, sortOf('OLDEST_FIRST'))
        const conditions = [part.condition, ...where, ...condition].join(' and ')
        total +=
          db
            .prepare<{ total: number }>(`select count(*) as total from images where ${conditions}`)
            .get(...part.values, ...values, ...keys)?.total ?? 0
      }
      return total
    },
  }
}
