import { azureEndpoint } from '../../logins/cloud-registry.ts'
import { nextPageOf, objectOf, objectsOf, parseResponse, timeOf } from '../listing/response.ts'
import type { Vendor } from '../listing/vendor.ts'

const PAGE_SIZE = 100

/**
 * The listing of Azure Container Registry, newest change first, at the registry itself and with a token for
 * `metadata_read`. The next page begins after the last tag of a page. Source: Azure/acr-cli, docs/swagger.yaml.
 */
export const azure: Vendor = {
  title: 'Azure',
  newestFirst: true,
  hasHost: (name) => azureEndpoint(name, null) !== undefined,
  async *pages(client) {
    const scope = `repository:${client.repository}:metadata_read`
    const firstPath = `/acr/v1/${client.repository}/_tags?n=${PAGE_SIZE}&orderby=timedesc`
    let hasLinks = false
    for (let path: string | undefined = firstPath; path !== undefined; ) {
      const response = await client.requestRegistry({ path, scope })
      const { imageName, tags } = objectOf(parseResponse(response))
      // a repository without tags has a name and no list
      const isEmpty = typeof imageName === 'string' && (tags === undefined || tags === null)
      const entries = objectsOf(isEmpty ? [] : tags, 'its list of tags')
      const page = entries.map(({ name: tag, digest, lastUpdateTime: time }) => ({
        tag,
        digest,
        changedAt: timeOf(time),
      }))
      const last = entries.at(-1)?.name
      const isFull = entries.length >= PAGE_SIZE && typeof last === 'string'
      const after: string | undefined = isFull ? `${firstPath}&last=${encodeURIComponent(last)}` : undefined
      const next = nextPageOf(response, path)
      // a registry that sends links has no further page where the link is missing
      hasLinks ||= next !== undefined
      path = entries.length === 0 ? undefined : (next ?? (hasLinks ? undefined : after))
      yield { tags: page, entries: entries.length, isComplete: path === undefined }
    }
  },
}
