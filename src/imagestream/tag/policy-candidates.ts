import type { Database } from '../../db/open.ts'
import { isReferrersTag, type TagName } from '../../oci/tag.ts'
import type { Candidate } from '../../policy/rule.ts'
import { sortKeysOf } from './tag-order.ts'

/** What a tag means now, for a rule and for the tag that it moves. */
export interface CandidateMeaning {
  readonly imageId: number
  readonly dockerImageReference: string
  /** When the image was created, by its own account. Milliseconds since 1970. */
  readonly createdAt: number | null
}

/** A tag of the stream that no rule can choose. */
export interface NoCandidate {
  readonly tag: TagName
  readonly reason: 'NO_IMAGE' | 'FOLLOWS'
  readonly message: string
}

/**
 * The tags of a stream that its rules choose among: those with an image, but for those that follow another tag or have
 * a rule of their own, so that no choice depends on another; and but for tags that only carry another image's referrers.
 */
export interface PolicyCandidates {
  /** The stream as it is now, for all of its rules: nothing is read twice. */
  look(streamId: number): CandidatesNow
  /** All of them, for a rule of this tag, which itself is none. */
  all(streamId: number, but: TagName): Candidate[]
  /** All other tags, and why. In order of importance. */
  others(streamId: number, but: TagName): NoCandidate[]
}

export interface CandidatesNow {
  /** What the tag means; undefined where no rule can choose it. */
  find(tag: TagName): CandidateMeaning | undefined
  all(): readonly Candidate[]
}

const IS_FREE = 'p.follows_tag is null and p.policy is null'

export function createPolicyCandidates(db: Database): PolicyCandidates {
  const find = db.prepare<CandidateMeaning>(
    `select e.image_id as imageId, e.docker_image_reference as dockerImageReference, i.created_at as createdAt
     from tags t join tag_events e on e.id = t.newest_event_id join images i on i.id = e.image_id
       left join spec_tags p on p.stream_id = t.stream_id and p.name = t.name
     where t.stream_id = ? and t.name = ? and ${IS_FREE}`,
  )
  const all = db.prepare<Candidate>(
    `select t.name as tag, i.created_at as createdAt
     from tags t join images i on i.id = t.newest_image_id
       left join spec_tags p on p.stream_id = t.stream_id and p.name = t.name
     where t.stream_id = ? and ${IS_FREE}`,
  )
  const others = db.prepare<{ tag: TagName; hasImage: 0 | 1; followed: string | null }>(
    `select t.name as tag, t.newest_event_id is not null as hasImage,
       p.follows_namespace || '/' || p.follows_stream || ':' || p.follows_tag as followed
     from tags t left join spec_tags p on p.stream_id = t.stream_id and p.name = t.name
     where t.stream_id = ? and t.name <> ? and (t.newest_event_id is null or not (${IS_FREE}))`,
  )

  const readAll = (streamId: number): Candidate[] =>
    all.all(streamId).filter(({ tag }) => !isReferrersTag(tag))

  return {
    look(streamId) {
      const found = new Map<TagName, CandidateMeaning | undefined>()
      let everything: readonly Candidate[] | undefined
      return {
        find(tag) {
          if (!found.has(tag)) found.set(tag, isReferrersTag(tag) ? undefined : find.get(streamId, tag))
          return found.get(tag)
        },
        all() {
          everything ??= readAll(streamId)
          return everything
        },
      }
    },
    all: (streamId, but) => readAll(streamId).filter(({ tag }) => tag !== but),
    others: (streamId, but) =>
      others
        .all(streamId, but)
        .filter(({ tag }) => !isReferrersTag(tag))
        .map(({ tag, ...row }) => ({ tag, ...reasonOf(row), importance: sortKeysOf(tag).importance }))
        .sort((a, b) => (a.importance < b.importance ? -1 : 1))
        .map(({ importance: _, ...other }) => other),
  }
}

function reasonOf({ hasImage, followed }: { hasImage: 0 | 1; followed: string | null }): {
  readonly reason: NoCandidate['reason']
  readonly message: string
} {
  if (followed !== null) return { reason: 'FOLLOWS', message: `it follows ${followed}` }
  return hasImage
    ? { reason: 'FOLLOWS', message: 'a policy of its own chooses what it means' }
    : { reason: 'NO_IMAGE', message: 'it never had an image' }
}
