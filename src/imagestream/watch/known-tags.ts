import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { formatRepository, type Reference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Failure } from '../request/import-rows.ts'

/** What is known of a tag that a vendor's listing names. */
export interface KnownTag {
  readonly name: TagName
  /** 0 where the stream has no such tag. */
  readonly isTag: 0 | 1
  /** What the registry said when last asked. */
  readonly upstreamDigest: Digest | null
  /** Why it could not be read then. */
  readonly failing: string | null
  /** 1 when the listing was found to be wrong about it, in saying what is below. */
  readonly isClaimed: 0 | 1
  readonly claimedDigest: Digest | null
  readonly claimedAt: number | null
}

/** A tag that cannot be read now, and what its condition says. */
export interface FailingTag extends Failure {
  readonly name: TagName
}

/** One stream's tags that come from one repository. */
export interface KnownTags {
  /** What is known of the tags of these names, wherever they come from. */
  named(names: readonly TagName[]): Map<TagName, KnownTag>
  /** How many the repository had when it was last asked; those that are gone do not count. */
  count(): number
  /** Newest events of those that the registry still had, but for these: nothing is wrong with them. */
  unchangedEvents(except: readonly TagName[]): number[]
  /** Those that could not be read when last asked; those that are gone do not count. */
  failing(): FailingTag[]
  /** Those that somebody gave another image since: the repository's wins again when it is asked. */
  overwritten(): TagName[]
  /** All names but of tags that are gone. */
  names(): TagName[]
}

export interface KnownTagsOptions {
  readonly streamId: number
  readonly repository: Pick<Reference, 'registry' | 'repository'>
}

const REFERENCE = 'e.docker_image_reference >= ? and e.docker_image_reference < ?'
const NOT_OF_SPEC =
  'not exists (select 1 from spec_tags p where p.stream_id = t.stream_id and p.name = t.name)'
// never brought in, or brought in from this repository: a stream keeps what it had before its repository was another
const OF_REPOSITORY = `t.stream_id = ? and (${REFERENCE} or e.id is null and t.failing is not null) and ${NOT_OF_SPEC}`
const TAGS = 'tags t left join tag_events e on e.id = t.newest_event_id'
/** Unlisted, and found not to be there any more. */
const IS_GONE = `(t.failing is 'NotFound' and t.missing_since is not null)`

export function createKnownTags(db: Database, { streamId, repository }: KnownTagsOptions): KnownTags {
  // '@' and the character after it
  const range = [`${formatRepository(repository)}@`, `${formatRepository(repository)}A`] as const
  // one value and not thousands of rows: half the time, for who asks each time that nothing moved
  const listOf = <Value>(column: string, from: string, ...parameters: (string | number)[]): Value[] => {
    const found = db
      .prepare<{ list: string }>(`select json_group_array(${column}) as list from ${from}`)
      .get(...parameters)
    return JSON.parse(found?.list ?? '[]')
  }

  return {
    named: (names) =>
      new Map(
        db
          .prepare<KnownTag>(
            `select j.value as name, t.id is not null as isTag, t.upstream_digest as upstreamDigest, t.failing,
               c.tag is not null as isClaimed, c.digest as claimedDigest, c.changed_at as claimedAt
             from json_each(?) j left join tags t on t.stream_id = ? and t.name = j.value
             left join tag_claims c on c.stream_id = ? and c.tag = j.value`,
          )
          .all(JSON.stringify(names), streamId, streamId)
          .map((known) => [known.name, known]),
      ),
    count: () =>
      db
        .prepare<{ total: number }>(
          `select count(*) as total from ${TAGS} where ${OF_REPOSITORY} and not ${IS_GONE}`,
        )
        .get(streamId, ...range)?.total ?? 0,
    unchangedEvents: (except) =>
      listOf(
        'e.id',
        `${TAGS} where t.stream_id = ? and ${REFERENCE} and ${NOT_OF_SPEC}
           and t.failing is null and t.upstream_digest is not null
           and t.name not in (select value from json_each(?))`,
        streamId,
        ...range,
        JSON.stringify(except),
      ),
    failing: () =>
      db
        .prepare<FailingTag>(
          `select t.name, t.failing as reason, coalesce(c.message, '') as message from ${TAGS}
           left join tag_conditions c on c.tag_id = t.id and c.type = 'ImportSuccess'
           where ${OF_REPOSITORY} and t.failing is not null and not ${IS_GONE} order by t.importance`,
        )
        .all(streamId, ...range),
    overwritten: () =>
      listOf(
        't.name',
        `tags t where t.stream_id = ? and t.upstream_digest is null and ${NOT_OF_SPEC}
           and t.newest_event_id is not null
           and exists (select 1 from tag_events e where e.tag_id = t.id and ${REFERENCE})`,
        streamId,
        ...range,
      ),
    names: () => listOf('t.name', `${TAGS} where ${OF_REPOSITORY} and not ${IS_GONE}`, streamId, ...range),
  }
}
