import type { Database } from '../../db/open.ts'
import type { tagClaims, tags } from '../../db/tables/index.ts'
import { formatRepository, type Reference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { TagFailure } from '../stored-import/import-state.ts'

type ClaimRow = typeof tagClaims.$inferSelect

/** Stored state of a tag that a vendor's listing names. */
export interface KnownTag
  extends Readonly<Pick<typeof tags.$inferSelect, 'name' | 'upstreamDigest' | 'failing'>> {
  /** 0 if the stream has no such tag. */
  readonly isTag: 0 | 1
  /** 1 if the registry did not confirm the listing's last claim about the tag, which follows. */
  readonly isClaimed: 0 | 1
  readonly claimedDigest: ClaimRow['digest']
  readonly claimedAt: ClaimRow['changedAt']
}

/** A tag that cannot be read, with the reason and message of its condition. */
export interface FailingTag extends TagFailure {
  readonly name: TagName
}

/** The tags of one stream that come from one repository. Tags that are gone upstream do not count. */
export type KnownTags = ReturnType<typeof createKnownTags>

const REFERENCE = 'e.docker_image_reference >= ? and e.docker_image_reference < ?'
const NOT_OF_SPEC =
  'not exists (select 1 from spec_tags p where p.stream_id = t.stream_id and p.name = t.name)'
// never imported, or imported from this repository: a stream keeps the tags of its previous repository
const OF_REPOSITORY = `t.stream_id = ? and (${REFERENCE} or e.id is null and t.failing is not null) and ${NOT_OF_SPEC}`
const TAGS = 'tags t left join tag_events e on e.id = t.newest_event_id'
/** Not listed, and not found by name. */
const IS_GONE = `(t.failing is 'NotFound' and t.missing_since is not null)`

export function createKnownTags(
  db: Database,
  streamId: number,
  repository: Pick<Reference, 'registry' | 'repository'>,
) {
  // '@' and the character after it
  const range = [`${formatRepository(repository)}@`, `${formatRepository(repository)}A`] as const
  // one JSON value takes half the time of thousands of rows
  const listOf = <Value>(column: string, from: string, ...parameters: (string | number)[]): Value[] => {
    const found = db
      .prepare<{ list: string }>(`select json_group_array(${column}) as list from ${from}`)
      .get(...parameters)
    return JSON.parse(found?.list ?? '[]')
  }

  return {
    /** Returns the state of the tags of these names, of any repository. */
    named: (names: readonly TagName[]): Map<TagName, KnownTag> =>
      new Map(
        db
          .prepare<KnownTag>(
            `select j.value as name, t.id is not null as isTag, t.upstream_digest as upstreamDigest, t.failing,
               c.tag is not null as isClaimed, c.digest as claimedDigest, c.changed_at as claimedAt
             from json_each(?) j left join tags t on t.stream_id = ? and t.name = j.value and t.removed_at is null
             left join tag_claims c on c.stream_id = ? and c.tag = j.value`,
          )
          .all(JSON.stringify(names), streamId, streamId)
          .map((known) => [known.name, known]),
      ),
    count: (): number =>
      db
        .prepare<{ total: number }>(
          `select count(*) as total from ${TAGS} where ${OF_REPOSITORY} and not ${IS_GONE}`,
        )
        .get(streamId, ...range)?.total ?? 0,
    /** Returns the newest events of the tags without a failure, except these tags. */
    unchangedEvents: (except: readonly TagName[]): number[] =>
      listOf(
        'e.id',
        `${TAGS} where t.stream_id = ? and ${REFERENCE} and ${NOT_OF_SPEC}
           and t.failing is null and t.upstream_digest is not null
           and t.name not in (select value from json_each(?))`,
        streamId,
        ...range,
        JSON.stringify(except),
      ),
    failing: (): FailingTag[] =>
      db
        .prepare<FailingTag>(
          `select t.name, t.failing as reason, coalesce(c.message, '') as message from ${TAGS}
           left join tag_conditions c on c.tag_id = t.id and c.type = 'ImportSuccess'
           where ${OF_REPOSITORY} and t.failing is not null and not ${IS_GONE} order by t.importance`,
        )
        .all(streamId, ...range),
    /** Returns the tags that were given another image since; the next import restores the repository's image. */
    overwritten: (): TagName[] =>
      listOf(
        't.name',
        `tags t where t.stream_id = ? and t.upstream_digest is null and ${NOT_OF_SPEC}
           and t.newest_event_id is not null
           and exists (select 1 from tag_events e where e.tag_id = t.id and ${REFERENCE})`,
        streamId,
        ...range,
      ),
    names: (): TagName[] =>
      listOf('t.name', `${TAGS} where ${OF_REPOSITORY} and not ${IS_GONE}`, streamId, ...range),
  }
}
