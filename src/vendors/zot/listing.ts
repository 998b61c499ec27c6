import type { Json } from '../../oci/json.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import { PROBE } from '../listing/detect.ts'
import { OddShapeError } from '../listing/errors.ts'
import { countOf, creationTimeOf, objectOf, objectsOf, parseResponse, timeOf } from '../listing/response.ts'
import type { Vendor } from '../listing/vendor.ts'
import type { VendorClient } from '../listing/vendor-client.ts'

const PATH = '/v2/_zot/ext/search'
/** Most repositories fit into one page. */
const PAGE_SIZE = 5000
const FIELDS = 'Tag Digest LastUpdated'
/** Fields of zot 2.1 and later. */
const NEWER_FIELDS = `${FIELDS} PushTimestamp TaggedTimestamp`

/**
 * zot's search, at the registry itself and with the credential that pulls. It sorts by the creation time of images, so an
 * old image that is tagged again keeps its position: the order is not used.
 * Source: project-zot/zot, pkg/extensions/search/schema.graphql.
 */
export const zot: Vendor = {
  title: 'zot',
  newestFirst: false,
  // zot's default realm, and one that others use too: `isEnabled` decides
  sends: ({ scheme, parameters }) =>
    scheme === 'basic' && ['Authorization Required', 'zot'].includes(parameters.get('realm') ?? ''),
  async isEnabled(api) {
    const response = await api.requestRegistry({ path: '/v2/_oci/ext/discover', ...PROBE })
    if (response.status !== 200) return false
    const { extensions } = objectOf(parseResponse(response), 'its list of extensions')
    return objectsOf(extensions, 'its list of extensions').some(
      ({ endpoints }) => Array.isArray(endpoints) && endpoints.includes(PATH),
    )
  },
  async *pages(client) {
    let fields = NEWER_FIELDS
    for (let read = 0, isLast = false; !isLast; ) {
      let list = await search(client, fields, read)
      if (!list) {
        fields = FIELDS
        list = await search(client, fields, read)
      }
      if (!list) throw new OddShapeError('its search does not have the requested fields')
      const { Page: page, Results: results } = list
      const total = countOf(objectOf(page, 'its page').TotalCount)
      const entries = objectsOf(results ?? [], 'its list of results')
      read += entries.length
      isLast = entries.length === 0 || (total === null ? entries.length < PAGE_SIZE : read >= total)
      const tags = entries.map(({ Tag: tag, Digest: digest, ...times }) => ({
        tag,
        digest,
        changedAt:
          timeOf(times.TaggedTimestamp) ?? timeOf(times.PushTimestamp) ?? creationTimeOf(times.LastUpdated),
      }))
      yield { tags, entries: entries.length, total, isComplete: isLast && (total === null || read >= total) }
    }
  },
}

/** Returns a part of the list; undefined when the search does not have the fields. */
async function search(client: VendorClient, fields: string, offset: number): Promise<Json | undefined> {
  const page = 'requestedPage:{limit:$limit,offset:$offset,sortBy:UPDATE_TIME}'
  const selection = `Page{TotalCount ItemCount} Results{${fields}}`
  const query = `query($repo:String!,$limit:Int,$offset:Int){ImageList(repo:$repo,${page}){${selection}}}`
  const variables = { repo: client.repository, limit: PAGE_SIZE, offset }
  const body = JSON.stringify({ query, variables })
  const response = await client.requestRegistry(
    { path: PATH, body, headers: { 'content-type': 'application/json' } },
    [200, 422],
  )
  const { data, errors } = objectOf(parseResponse(response))
  if (errors !== undefined && errors !== null) {
    const [first] = objectsOf(errors, 'its list of errors')
    const message = typeof first?.message === 'string' ? first.message : ''
    if (/cannot query field/i.test(message)) return undefined
    if (/not found|unknown/i.test(message)) throw notFound(client)
    throw new OddShapeError('its search returned an error')
  }
  return objectOf(objectOf(data, 'its data').ImageList, 'its list of images')
}

const notFound = ({ registry, repository }: VendorClient): RegistryError =>
  new RegistryError(`${registry} does not have ${repository}`, { reason: 'NotFound', registry, repository })
