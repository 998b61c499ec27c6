import type { Rights } from '../../access/right/rights.ts'
import { type Criterion, criterion, type Sql } from '../../db/search.ts'
import { columnsOfStream, type StreamColumns, visibleStreams } from '../../db/visible-places.ts'

// An image is held by the streams in whose histories it is, and by the repositories that serve it; so are the images that an
// index in one of them lists, as far as they came with it. Nothing else gives access to an image: not its digest, nor its bytes.

/** Returns the conditions on a holder, by its columns. */
type Holders = (columns: StreamColumns) => readonly Sql[]

/** The image of a statement, and the indexes that it came with. */
const withIndexes = (id: string): string =>
  `with recursive held (id) as (select ${id} union
     select c.index_id from held join image_children c on c.image_id = held.id)`

const STREAMS = `held cross join tag_events e on e.image_id = held.id
  cross join tags t on t.id = e.tag_id cross join image_streams s on s.id = t.stream_id`
const REPOSITORIES = `held cross join repository_manifests m on m.image_id = held.id
  cross join repositories r on r.id = m.repository_id`

const allOf = (...conditions: readonly Sql[]): Sql => ({
  text: conditions.map(({ text }) => text).join(' and '),
  values: conditions.flatMap(({ values }) => values),
})

/** Returns the condition that the image with an id is held so. */
function isHeld(id: string, holders: Holders): Sql {
  const [stream, repository] = ['s', 'r'].map((alias) => allOf(...holders(columnsOfStream(alias))))
  return {
    text: `exists (${withIndexes(id)} select 1 from ${STREAMS} where ${stream?.text}
      union all select 1 from ${REPOSITORIES} where ${repository?.text})`,
    values: [...(stream?.values ?? []), ...(repository?.values ?? [])],
  }
}

const placesOf =
  (rights: Pick<Rights, 'scopes'>): Holders =>
  (columns) =>
    visibleStreams(rights, columns).map(({ probe }) => probe)

/** Returns the criteria that the image with an id is visible; none when everything is visible. */
export function visibleImages(rights: Pick<Rights, 'scopes'>, id: string): Criterion[] {
  if (rights.scopes.length === 0) return []
  const { text, values } = isHeld(id, placesOf(rights))
  return [criterion(text, values)]
}

/** Returns the criterion that the image with an id is in a visible history with a pull spec that meets the condition. */
export function visibleAt(
  rights: Pick<Rights, 'scopes'>,
  id: string,
  pullSpec: (column: string) => Sql,
): Criterion {
  const { text, values } = allOf(
    ...placesOf(rights)(columnsOfStream('s')),
    pullSpec('e.docker_image_reference'),
  )
  return criterion(`exists (${withIndexes(id)} select 1 from ${STREAMS} where ${text})`, values)
}

/** Returns statements for the visible pull spec of the image `o.value`, and for the name of a visible repository with it. */
export function visiblePlaces(rights: Pick<Rights, 'scopes'>) {
  const [stream, repository] = ['s', 'r'].map((alias) => allOf(...placesOf(rights)(columnsOfStream(alias))))
  const newest = (column: string, from: string, where: string | undefined, key: string): string =>
    `(${withIndexes('o.value')} select ${column} from ${from} where ${where} order by ${key} desc limit 1)`
  return {
    pullSpec: newest('e.docker_image_reference', STREAMS, stream?.text, 'e.id'),
    repository: newest("r.namespace || '/' || r.name", REPOSITORIES, repository?.text, 'm.pushed_at'),
    values: [...(stream?.values ?? []), ...(repository?.values ?? [])],
  }
}
