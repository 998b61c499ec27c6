import type { Database } from '../../db/open.ts'
import { type ColumnValues, type Criterion, everyValue, fewIds, probes, type Sql } from '../../db/search.ts'
import type { Parameter } from '../../db/statement.ts'
import { literalRange } from '../../input/glob.ts'
import type { KeyValue } from '../../input/key-values.ts'
import type { Digest } from '../../oci/digest.ts'
import type { ImportFailureReason } from './tag-change.ts'

/** What a tag, as it is now, can be found by; all of what is given. */
export interface TagFilter {
  /** Glob over the name: `*` stands for any characters. */
  readonly matching?: string | undefined
  /** The image that it means. */
  readonly digest?: Digest | undefined
  /** Host of the pull spec that it means, as references name it: `docker.io`. */
  readonly registry?: string | undefined
  /** It could not be imported when that was last tried: for this reason, or for any. */
  readonly failing?: Failing | undefined
  /** Its image runs on it: `linux/arm64`, which every variant of it is as well. */
  readonly platform?: string | undefined
  /** It got no other image since this time, or never had one. Milliseconds since 1970. */
  readonly unchangedSince?: number | undefined
  /** The config of its image has all of these labels. */
  readonly labels?: readonly KeyValue[] | undefined
}

export interface Failing {
  readonly reason?: ImportFailureReason | undefined
}

/** Where to look for the tags of some streams that meet a filter. */
export interface TagSearch {
  /** Conditions on `tags`. */
  readonly where: readonly string[]
  readonly values: readonly Parameter[]
  /** Only tags with these ids can meet it; undefined where they are many. */
  readonly among: readonly number[] | undefined
}

/** Columns by which both tags and their streams are found: the index goes on with the stream. */
const INDEXES = {
  newest_image_id: 'tags_by_image',
  failing: 'tags_by_failing',
  platforms: 'tags_by_platforms',
} as const

/** What of the filter is a value of such a column. */
export function tagValues({ digest, failing, platform }: TagFilter): ColumnValues[] {
  const found: ColumnValues[] = []
  const add = (column: keyof typeof INDEXES, text: string, ...values: readonly Parameter[]) =>
    found.push({ table: 'tags', column, index: INDEXES[column], wanted: { text, values } })
  if (digest !== undefined) {
    add('newest_image_id', 'select id as value from images where digest = ?', digest)
  }
  if (failing?.reason !== undefined) add('failing', 'select ? as value', failing.reason)
  else if (failing) add('failing', everyValue('tags', 'failing'))
  if (platform !== undefined) {
    // an image's platforms are one value, and images of the same build have the same: there are not many
    add(
      'platforms',
      `select value from (${everyValue('tags', 'platforms')})
       where instr(' ' || value || ' ', ' ' || ? || ' ') or instr(' ' || value, ' ' || ? || '/')`,
      platform,
      platform,
    )
  }
  return found
}

// a plus sign keeps a condition from choosing the index: that is the order's, or the ids are there already
function criteriaOf(streamIds: readonly number[], filter: TagFilter): Criterion[] {
  const { matching, registry, unchangedSince, labels = [] } = filter
  const criteria: Criterion[] = []
  const ofStreams = (index: string, condition: string, values: readonly Parameter[]): Sql => ({
    text: `select id from tags indexed by ${index}
      where stream_id in (select value from json_each(?)) and ${condition}`,
    values: [JSON.stringify(streamIds), ...values],
  })
  for (const { column, index, wanted } of tagValues(filter)) {
    const isOne = `${column} in (${wanted.text})`
    criteria.push({
      probe: { text: `+${isOne}`, values: wanted.values },
      ids: [ofStreams(index, isOne, wanted.values)],
    })
  }
  if (matching !== undefined) {
    const range = literalRange(matching)
    criteria.push({
      probe: { text: 'matches_glob(?, name)', values: [matching] },
      ids: range ? [ofStreams('tags_by_name', 'name >= ? and name < ?', range)] : [],
    })
  }
  if (unchangedSince !== undefined) {
    criteria.push({
      probe: { text: '+newest_at < ?', values: [unchangedSince] },
      ids: [ofStreams('tags_by_newest', 'newest_at < ?', [unchangedSince])],
    })
  }
  if (registry !== undefined) {
    criteria.push({
      probe: {
        text: `exists (select 1 from tag_events e where e.id = newest_event_id
          and e.docker_image_reference >= ? and e.docker_image_reference < ?)`,
        // all that begins with "host/": "0" is the character behind "/"
        values: [`${registry}/`, `${registry}0`],
      },
      ids: [],
    })
  }
  for (const { key, value } of labels) {
    criteria.push({ probe: { text: HAS_LABEL, values: [key, value] }, ids: [] })
  }
  return criteria
}

// a config may be any bytes: where they are no JSON, there are no labels
const HAS_LABEL = `exists (
  select 1 from images i join image_configs c on c.digest = i.config_digest,
    json_each(case when json_valid(cast(c.bytes as text)) then cast(c.bytes as text) else '{}' end, '$.config.Labels') l
  where i.id = newest_image_id and l.key = ? and l.value = ? and l.type = 'text')`

/** How the tags of these streams that meet the filter are found. */
export function searchTags(db: Database, streamIds: readonly number[], filter: TagFilter): TagSearch {
  const criteria = criteriaOf(streamIds, filter)
  return { ...probes(criteria), among: fewIds(db, criteria) }
}
