import { RegistryError } from '../../oci/registry-error.ts'
import type { Desk } from '../listing/desk.ts'
import { OddShapeError } from '../listing/errors.ts'
import { countOf, type Json, objectOf, objectsOf, parseJson, timeOf } from '../listing/json.ts'
import type { Vendor } from '../listing/vendor.ts'

const PATH = '/v2/_zot/ext/search'
/** Chosen so that most repositories are one page. */
const PAGE_SIZE = 5000
const FIELDS = 'Tag Digest LastUpdated'
/** Unknown to zot before 2.1. */
const NEWER_FIELDS = `${FIELDS} PushTimestamp TaggedTimestamp`

/**
 * zot's search, at the registry itself and as whoever may read the repository. Its order is by when images were made:
 * an old one that is tagged anew stays where it was, so that nothing is promised of it.
 * Source: project-zot/zot, pkg/extensions/search/schema.graphql.
 */
export const zot: Vendor = {
  title: 'zot',
  newestFirst: false,
  serves: () => true,
  async *pages(desk) {
    let fields = NEWER_FIELDS
    for (let read = 0, isLast = false; !isLast; ) {
      let list = await ask(desk, fields, read)
      if (!list) {
        fields = FIELDS
        list = await ask(desk, fields, read)
      }
      if (!list) throw new OddShapeError('its search does not know what it is asked for')
      const { Page: page, Results: results } = list
      const total = countOf(objectOf(page, 'its page').TotalCount)
      const entries = objectsOf(results ?? [], 'its list of results')
      read += entries.length
      isLast = entries.length === 0 || (total === null ? entries.length < PAGE_SIZE : read >= total)
      const tags = entries.map((entry) => ({
        tag: entry.Tag,
        digest: entry.Digest,
        changedAt: timeOf(entry.TaggedTimestamp) ?? timeOf(entry.PushTimestamp) ?? timeOf(entry.LastUpdated),
      }))
      yield { tags, entries: entries.length, total, isComplete: isLast && (total === null || read >= total) }
    }
  },
}

/** A part of the list; undefined where the search does not know the fields. */
async function ask(desk: Desk, fields: string, offset: number): Promise<Json | undefined> {
  const page = 'requestedPage:{limit:$limit,offset:$offset,sortBy:UPDATE_TIME}'
  const wanted = `Page{TotalCount ItemCount} Results{${fields}}`
  const query = `query($repo:String!,$limit:Int,$offset:Int){ImageList(repo:$repo,${page}){${wanted}}}`
  const variables = { repo: desk.repository, limit: PAGE_SIZE, offset }
  const body = JSON.stringify({ query, variables })
  const answer = await desk.ask(
    { path: PATH, body, headers: { 'content-type': 'application/json' } },
    [200, 422],
  )
  const { data, errors } = objectOf(parseJson(answer), 'its answer')
  if (errors !== undefined && errors !== null) {
    const [first] = objectsOf(errors, 'its list of errors')
    const message = typeof first?.message === 'string' ? first.message : ''
    if (/cannot query field/i.test(message)) return undefined
    if (/not found|unknown/i.test(message)) throw absent(desk)
    throw new OddShapeError('its search met an error')
  }
  return objectOf(objectOf(data, 'its data').ImageList, 'its list of images')
}

const absent = ({ registry, repository }: Desk): RegistryError =>
  new RegistryError(`${registry} does not know ${repository}`, { reason: 'NotFound', registry, repository })
