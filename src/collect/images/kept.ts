import { BATCH } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { isIndexType } from '../../oci/media-types.ts'
import type { IndexChildren } from './children.ts'
import type { KeptReason, PrunedImage } from './report.ts'

/** An image, with what its row's neighbours say of it. */
export interface ImageRow extends PrunedImage {
  readonly mediaType: string
  readonly configDigest: Digest | null
  /** 1 when an entry of a history has it. */
  readonly hasEvents: 0 | 1
  /** What else refers to it. */
  readonly referredBy: 'TAGGED' | 'IN_REPOSITORY' | 'IN_PUSH_LOG' | null
}

export interface ImageJudge {
  byId(id: number): ImageRow | undefined
  /** A batch of images behind this id. */
  page(after: number): ImageRow[]
  /** Why it stays, at this moment; undefined when nothing keeps it. */
  keptBecause(image: ImageRow): KeptReason | undefined
}

export interface JudgeScope {
  readonly children: Pick<IndexChildren, 'isChild'>
  /** Images behind this id are young. */
  readonly lastOld: number
  /** Entries of histories that count as gone, by image: of a dry run. */
  readonly goneEvents: ReadonlyMap<number, number>
}

const COLUMNS = `i.id, i.digest, length(i.manifest) as size, i.media_type as mediaType,
  i.config_digest as configDigest, exists (select 1 from tag_events where image_id = i.id) as hasEvents,
  case when exists (select 1 from tags where newest_image_id = i.id) then 'TAGGED'
    when exists (select 1 from repository_manifests where image_id = i.id) then 'IN_REPOSITORY'
    when exists (select 1 from push_log where image_id = i.id)
      or exists (select 1 from push_log where previous_image_id = i.id) then 'IN_PUSH_LOG' end as referredBy`

/** Tags of one image that are looked at: an index of an image with more counts as one that they were chosen from. */
const MAXIMUM_TAGS = 5_000

export function createImageJudge(db: Database): (scope: JudgeScope) => ImageJudge {
  const byId = db.prepare<ImageRow>(`select ${COLUMNS} from images i where i.id = ?`)
  const page = db.prepare<ImageRow>(
    `select ${COLUMNS} from images i where i.id > ? order by i.id limit ${BATCH}`,
  )
  const events = db.prepare<{ total: number }>(
    'select count(*) as total from (select 1 from tag_events where image_id = ? limit ?)',
  )
  const manifest = db.prepare<{ bytes: Uint8Array; mediaType: string }>(
    'select manifest as bytes, media_type as mediaType from images where digest = ?',
  )
  const chosen = db.prepare<{ total: number; chosen: number }>(
    `select count(*) as total, coalesce(max(upstream_digest is ?), 0) as chosen
     from (select upstream_digest from tags
       where newest_image_id = (select id from images where digest = ?) limit ${MAXIMUM_TAGS})`,
  )

  /** Whether a tag means one of its images because the registry answered with this index. */
  const isChosenFrom = (index: Digest): boolean => {
    const row = manifest.get(index)
    const parsed = row && parseManifest(row.bytes, row.mediaType)
    if (parsed?.kind !== 'index') return false
    return parsed.manifests.some(({ digest }) => {
      const tags = chosen.get(index, digest)
      return tags !== undefined && (tags.chosen === 1 || tags.total === MAXIMUM_TAGS)
    })
  }

  return ({ children, lastOld, goneEvents }) => ({
    byId: (id) => byId.get(id),
    page: (after) => page.all(after),

    keptBecause({ id, digest, mediaType, hasEvents, referredBy }) {
      if (referredBy === 'TAGGED') return referredBy
      const gone = goneEvents.get(id) ?? 0
      if (hasEvents && (gone === 0 || (events.get(id, gone + 1)?.total ?? 0) > gone)) return 'IN_HISTORY'
      if (referredBy !== null) return referredBy
      if (id > lastOld) return 'YOUNG'
      if (children.isChild(digest)) return 'CHILD'
      return isIndexType(mediaType) && isChosenFrom(digest) ? 'CHOSEN_FROM' : undefined
    },
  })
}
