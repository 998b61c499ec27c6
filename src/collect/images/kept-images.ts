import { BATCH, turnToRead } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { isIndexType } from '../../oci/media-types.ts'
import type { ImageKeptReason } from '../kept/reasons.ts'
import { isRunning } from '../kept/running.ts'
import type { IndexChildren } from './index-children.ts'
import type { PrunedImage } from './report.ts'

/** An image, with the rows that refer to it. */
export interface PrunableImage extends PrunedImage {
  readonly mediaType: string
  readonly configDigest: Digest | null
  /** 1 when it was ever pushed, 0 when it was only imported. */
  readonly pushed: 0 | 1
  /** 1 when an entry of a history has it. */
  readonly hasEvents: 0 | 1
  /** The first reason from other rows; null when there is none. */
  readonly referredBy: 'TAGGED' | 'RUNNING' | 'IN_REPOSITORY' | 'IN_CHANGE_LOG' | null
}

/** Decides which images are kept. */
export type ImageJudge = ReturnType<ReturnType<typeof createImageJudges>>

interface ImageJudgeScope {
  readonly children: Pick<IndexChildren, 'isChild' | 'childrenOf'>
  /** Whether images that were only imported may be removed. */
  readonly all: boolean
  /** Images with higher ids are young. */
  readonly lastOld: number
  /** In a dry run: images that would lose all their entries in histories. */
  readonly emptied: ReadonlySet<number>
}

const COLUMNS = `i.id, i.digest, length(i.manifest) as size, i.media_type as mediaType,
  i.config_digest as configDigest, i.pushed, exists (select 1 from tag_events where image_id = i.id) as hasEvents,
  case when exists (select 1 from tags where newest_image_id = i.id) then 'TAGGED'
    when ${isRunning('i.digest')} then 'RUNNING'
    when exists (select 1 from repository_manifests where image_id = i.id) then 'IN_REPOSITORY'
    when exists (select 1 from push_log where image_id = i.id)
      or exists (select 1 from push_log where previous_image_id = i.id) then 'IN_CHANGE_LOG' end as referredBy`

/** Maximum number of an image's tags that are read: the index of an image with more counts as CHOSEN_FROM. */
const MAX_TAGS = 5_000

/** Returns a function that creates the judge of one run. */
export function createImageJudges(db: Database) {
  const byId = db.prepare<PrunableImage>(`select ${COLUMNS} from images i where i.id = ?`)
  const page = db.prepare<PrunableImage>(
    `select ${COLUMNS} from images i where i.id > ? order by i.id limit ${BATCH}`,
  )
  const id = db.prepare<{ id: number }>('select id from images where digest = ?')
  const chosen = db.prepare<{ total: number; chosen: number }>(
    `select count(*) as total, coalesce(max(upstream_digest is ?), 0) as chosen
     from (select upstream_digest from tags
       where newest_image_id = (select id from images where digest = ?) limit ${MAX_TAGS})`,
  )

  return ({ children, all, lastOld, emptied }: ImageJudgeScope) => ({
    byId: (id: number) => byId.get(id),
    idOf: (digest: Digest) => id.get(digest)?.id,
    /** Returns a batch of images after this id. */
    page: (after: number) => page.all(after),

    /** Returns why the image is kept at this moment; undefined if it is not. */
    reasonToKeep({
      id,
      digest,
      mediaType,
      pushed,
      hasEvents,
      referredBy,
    }: PrunableImage): ImageKeptReason | undefined {
      if (referredBy === 'TAGGED') return referredBy
      if (hasEvents && !emptied.has(id)) return 'IN_HISTORY'
      if (referredBy !== null) return referredBy
      if (id > lastOld) return 'YOUNG'
      if (!all && pushed === 0) return 'IMPORTED'
      if (children.isChild(digest)) return 'CHILD'
      if (!isIndexType(mediaType)) return undefined
      // a tag points to a child of the index because the registry returned the index for the tag
      const isChosenFrom = children.childrenOf(id).some((child) => {
        const tags = chosen.get(digest, child)
        return tags !== undefined && (tags.chosen === 1 || tags.total === MAX_TAGS)
      })
      return isChosenFrom ? 'CHOSEN_FROM' : undefined
    },
  })
}

/** Entries that one statement counts, by an index alone. */
const COUNTED = 10_000

/**
 * Returns a function that finds the images all of whose entries in histories are among the removed ones, from their number
 * by image.
 */
export function createFindEmptied(db: Database) {
  const count = db.prepare<{ total: number; last: number | null }>(
    `select count(*) as total, max(id) as last from (
       select id from tag_events where image_id = ? and id > ? order by id limit ${COUNTED})`,
  )
  const countEntries = async (imageId: number, enough: number, signal: AbortSignal): Promise<number> => {
    let total = 0
    for (let after: number | null = 0; after !== null && total < enough; ) {
      await turnToRead(signal)
      const part = count.get(imageId, after)
      total += part?.total ?? 0
      after = part?.last ?? null
    }
    return total
  }
  return async (removed: ReadonlyMap<number, number>, signal: AbortSignal): Promise<ReadonlySet<number>> => {
    const emptied = new Set<number>()
    for (const [imageId, gone] of removed) {
      if ((await countEntries(imageId, gone + 1, signal)) <= gone) emptied.add(imageId)
    }
    return emptied
  }
}
