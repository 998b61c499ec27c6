import type { Database } from '../../db/open.ts'
import {
  type ColumnValues,
  type Criterion,
  criterion,
  everyValue,
  fewIds,
  probes,
  type Sql,
} from '../../db/search.ts'
import type { Parameter } from '../../db/statement.ts'
import { literalRange } from '../../input/glob.ts'
import type { KeyValue } from '../../input/key-values.ts'
import type { Digest } from '../../oci/digest.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import { spellingsOf } from '../../oci/platforms.ts'

/** Criteria for tags as they are now; a tag meets all that are set. */
export interface TagSearchFilter {
  /** Glob over the name: `*` stands for any characters. */
  readonly matching?: string | undefined
  /** Digest of the image that it points to. */
  readonly digest?: Digest | undefined
  /** Registry host of its pull spec: `docker.io`. */
  readonly registry?: string | undefined
  /** Its last import failed, with this reason or with any. */
  readonly failing?: Failing | undefined
  /** Platform of its image, in any spelling; `linux/arm64` includes every variant. */
  readonly platform?: string | undefined
  /** Its image has not changed since this time, or it never had one. Milliseconds since 1970. */
  readonly unchangedSince?: number | undefined
  /** Labels that the config of its image all has. */
  readonly labels?: readonly KeyValue[] | undefined
  /** False for tags of images only: without those that point to artifacts, and those that hold referrers of an image. */
  readonly artifacts?: boolean | undefined
}

/** A failed import, with this reason or with any. */
export interface Failing {
  readonly reason?: FailureReason | undefined
}

/** SQL for the tags of some streams that meet a filter. */
export interface TagSearch {
  /** Conditions on `tags`. */
  readonly where: readonly string[]
  readonly values: readonly Parameter[]
  /** Ids of the only tags that can meet it; undefined where these are many. */
  readonly among: readonly number[] | undefined
}

/** Columns that both tags and their streams are found by: the next column of the index is the stream. */
const INDEXES = {
  newest_image_id: 'tags_by_image',
  failing: 'tags_by_failing',
  platforms: 'tags_by_platforms',
} as const

/** Returns the criteria that are values of such a column. */
export function tagValues({ digest, failing, platform }: TagSearchFilter): ColumnValues[] {
  const found: ColumnValues[] = []
  const add = (column: keyof typeof INDEXES, text: string, ...values: readonly Parameter[]) =>
    found.push({ table: 'tags', column, index: INDEXES[column], wanted: { text, values } })
  if (digest !== undefined) {
    add('newest_image_id', 'select id as value from images where digest = ?', digest)
  }
  if (failing?.reason !== undefined) add('failing', 'select ? as value', failing.reason)
  else if (failing) add('failing', everyValue('tags', 'failing'))
  if (platform !== undefined) {
    // the column has few distinct values: the platforms of an image are one value, the same for all images of a build
    const { text, values } = runsOn('value', platform)
    add('platforms', `select value from (${everyValue('tags', 'platforms')}) where ${text}`, ...values)
  }
  return found
}

/** Returns the condition that a column with the platforms of images has this one, in any spelling, or a variant of it. */
export function runsOn(column: string, platform: string): Sql {
  const { names, hasVariant } = spellingsOf(platform)
  const isOne = `instr(' ' || ${column} || ' ', ' ' || ? || ' ')`
  const isVariant = `instr(' ' || ${column}, ' ' || ? || '/')`
  const wanted = hasVariant ? [isOne] : [isOne, isVariant]
  return {
    text: `(${names.flatMap(() => wanted).join(' or ')})`,
    values: names.flatMap((name) => wanted.map(() => name)),
  }
}

/** Returns the condition that a column with pull specs has one of this registry. */
export const isAtRegistry = (column: string, registry: string): Sql => ({
  text: `(${column} >= ? and ${column} < ?)`,
  // everything that starts with "host/": "0" is the character after "/"
  values: [`${registry}/`, `${registry}0`],
})

// a plus sign keeps SQLite from using an index for a condition: the order or the ids determine the index
function criteriaOf(streamIds: readonly number[] | null, filter: TagSearchFilter): Criterion[] {
  const { matching, registry, unchangedSince, labels = [], artifacts = true } = filter
  const criteria: Criterion[] = []
  const ofStreams = (index: string, condition: string, values: readonly Parameter[]): Sql =>
    streamIds
      ? {
          text: `select id from tags indexed by ${index}
            where stream_id in (select value from json_each(?)) and removed_at is null and ${condition}`,
          values: [JSON.stringify(streamIds), ...values],
        }
      : { text: `select id from tags indexed by ${index} where removed_at is null and ${condition}`, values }
  for (const { column, index, wanted } of tagValues(filter)) {
    const isOne = `${column} in (${wanted.text})`
    criteria.push(criterion(`+${isOne}`, wanted.values, ofStreams(index, isOne, wanted.values)))
  }
  if (matching !== undefined) {
    const range = literalRange(matching)
    // the index begins with the stream
    const ids = range && streamIds ? [ofStreams('tags_by_name', 'name >= ? and name < ?', range)] : []
    criteria.push(criterion('matches_glob(?, name)', [matching], ...ids))
  }
  if (unchangedSince !== undefined) {
    const values = [unchangedSince]
    const index = streamIds ? 'tags_by_newest' : 'tags_by_newest_of_all'
    criteria.push(criterion('+newest_at < ?', values, ofStreams(index, 'newest_at < ?', values)))
  }
  if (registry !== undefined) {
    const { text, values } = isAtRegistry('e.docker_image_reference', registry)
    criteria.push(
      criterion(`exists (select 1 from tag_events e where e.id = newest_event_id and ${text})`, values),
    )
  }
  criteria.push(...labels.map(({ key, value }) => criterion(HAS_LABEL, [key, value])))
  if (!artifacts) criteria.push(criterion('artifact = 0', []))
  return criteria
}

// a config can have any bytes; one that is not JSON has no labels
const HAS_LABEL = `exists (
  select 1 from images i join image_configs c on c.digest = i.config_digest,
    json_each(case when json_valid(cast(c.bytes as text)) then cast(c.bytes as text) else '{}' end, '$.config.Labels') l
  where i.id = newest_image_id and l.key = ? and l.value = ? and l.type = 'text')`

/** Returns the search for the tags of these streams that meet the filter; of all streams for null. */
export function searchTags(
  db: Database,
  streamIds: readonly number[] | null,
  filter: TagSearchFilter,
): TagSearch {
  const criteria = criteriaOf(streamIds, filter)
  const { where, values } = probes(criteria)
  return { where: ['removed_at is null', ...where], values, among: fewIds(db, criteria) }
}

/** Reports whether the filter has no criterion but that tags are of images. */
export const isListOfImages = ({ artifacts: _, ...filter }: TagSearchFilter): boolean =>
  Object.values(filter).every((value) => value === undefined)

/** Returns how many rows of other tables or columns a search checks for each tag at most. */
export const criteriaCount = ({ labels = [], ...filter }: TagSearchFilter): number =>
  Object.values(filter).filter((value) => value !== undefined).length + LABEL_PROBES * labels.length

/** Criteria that are checked in the time of reading the labels of one config. */
const LABEL_PROBES = 20
