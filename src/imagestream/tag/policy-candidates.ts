import type { Database } from '../../db/open.ts'
import type { images, tagEvents } from '../../db/tables/index.ts'
import { isReferrersTag, type TagName } from '../../oci/tag.ts'
import type { ExcludedAlready } from '../../policy/decide.ts'
import type { Candidate } from '../../policy/rule.ts'
import { sortKeysOf } from './tag-order.ts'

/** The image that a tag points to, for a policy that chooses the tag. */
export interface CandidateImage
  extends Pick<typeof tagEvents.$inferSelect, 'imageId' | 'dockerImageReference'>,
    // creation time in the image's own config, in milliseconds since 1970
    Pick<typeof images.$inferSelect, 'createdAt'>,
    Pick<Candidate, 'isArtifact'> {}

/** The candidates of one stream. */
export type CandidatesView = ReturnType<ReturnType<typeof createPolicyCandidates>['view']>

const IS_FREE = 'p.follows_tag is null and p.policy is null'
const IS_CANDIDATE = `t.gone_at is null and ${IS_FREE}`

/**
 * Creates the reads of the tags of a stream that its policies choose among. Tags without an image are not candidates, nor
 * are tags that follow another or have a policy, so that no choice depends on another one, nor tags that list the
 * referrers of an image, nor imported tags of which the registry confirmed that it does not have them any longer.
 */
export function createPolicyCandidates(db: Database) {
  const find = db.prepare<CandidateImage>(
    `select e.image_id as imageId, e.docker_image_reference as dockerImageReference, i.created_at as createdAt,
       i.kind = 'ARTIFACT' as isArtifact
     from tags t join tag_events e on e.id = t.newest_event_id join images i on i.id = e.image_id
       left join spec_tags p on p.stream_id = t.stream_id and p.name = t.name
     where t.stream_id = ? and t.name = ? and ${IS_CANDIDATE}`,
  )
  const all = db.prepare<Candidate>(
    `select t.name as tag, i.created_at as createdAt, i.kind = 'ARTIFACT' as isArtifact
     from tags t join images i on i.id = t.newest_image_id
       left join spec_tags p on p.stream_id = t.stream_id and p.name = t.name
     where t.stream_id = ? and ${IS_CANDIDATE}`,
  )
  const excluded = db.prepare<ExcludedRow>(
    `select t.name as tag, t.newest_event_id is not null as hasImage, t.gone_at is not null as isGone,
       p.policy is not null as hasPolicy,
       p.follows_namespace || '/' || p.follows_stream || ':' || p.follows_tag as followed
     from tags t left join spec_tags p on p.stream_id = t.stream_id and p.name = t.name
     where t.stream_id = ? and t.name <> ? and t.removed_at is null and (t.newest_event_id is null or not (${IS_CANDIDATE}))`,
  )

  const readAll = (streamId: number): Candidate[] =>
    all.all(streamId).filter(({ tag }) => !isReferrersTag(tag))

  return {
    /** Returns a view of the stream for all its policies, which reads nothing twice. */
    view(streamId: number) {
      const found = new Map<TagName, CandidateImage | undefined>()
      let candidates: readonly Candidate[] | undefined
      return {
        /** Returns the image of a candidate; undefined for another tag. */
        find(tag: TagName): CandidateImage | undefined {
          if (!found.has(tag)) found.set(tag, isReferrersTag(tag) ? undefined : find.get(streamId, tag))
          return found.get(tag)
        },
        all(): readonly Candidate[] {
          candidates ??= readAll(streamId)
          return candidates
        },
      }
    },
    /** Returns all candidates for the policy of a tag, without that tag. */
    all: (streamId: number, policyTag: TagName): Candidate[] =>
      readAll(streamId).filter(({ tag }) => tag !== policyTag),
    /**
     * Returns the tags of the stream that are not candidates, without the policy's own, and the reason; in order of
     * importance.
     */
    excluded: (streamId: number, policyTag: TagName): ExcludedAlready[] =>
      excluded
        .all(streamId, policyTag)
        .filter(({ tag }) => !isReferrersTag(tag))
        .map((row) => ({ excluded: exclusionOf(row), importance: sortKeysOf(row.tag).importance }))
        .sort((a, b) => (a.importance < b.importance ? -1 : 1))
        .map((one) => one.excluded),
  }
}

interface ExcludedRow {
  readonly tag: TagName
  readonly hasImage: 0 | 1
  /** 1 where the registry does not have the tag any longer. */
  readonly isGone: 0 | 1
  readonly hasPolicy: 0 | 1
  /** Name of the tag that it follows. */
  readonly followed: string | null
}

const GONE = 'the registry that it was imported from does not have it any longer'

function exclusionOf({ tag, hasImage, isGone, hasPolicy, followed }: ExcludedRow): ExcludedAlready {
  if (followed !== null) return { tag, reason: 'FOLLOWS', message: `it follows ${followed}` }
  if (!hasImage) return { tag, reason: 'NO_IMAGE', message: 'it has no image' }
  return isGone && !hasPolicy
    ? { tag, reason: 'NO_IMAGE', message: GONE }
    : { tag, reason: 'FOLLOWS', message: 'it has a policy' }
}
