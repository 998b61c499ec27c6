import { hasTokenServer } from '../listing/detect.ts'
import { listOf, nextPageOf, objectOf, objectsOf, timeOf } from '../listing/response.ts'
import type { Vendor } from '../listing/vendor.ts'
import { withBasic } from '../listing/vendor-client.ts'

const PAGE_SIZE = 100

/**
 * Harbor's listing of artifacts that have a tag, newest push first. An old artifact that is tagged again keeps its
 * position, and no webhook reports it (goharbor/harbor#22640): only a full scan finds that.
 * Source: Harbor, api/v2.0/swagger.yaml, listArtifacts.
 */
export const harbor: Vendor = {
  title: 'Harbor',
  newestFirst: true,
  sends: hasTokenServer('/service/token', 'harbor-registry'),
  serves: (repository) => repository.includes('/'),
  async *pages(client) {
    let request = await withBasic(client)
    for (let page = 1; ; page += 1) {
      const url = await client.registryUrlOf(pathOf(client.repository, page))
      let response = await client.request(url, request)
      if (response.status === 401 && request.headers) {
        // the project may be public although the credential is refused
        request = {}
        response = await client.request(url, request)
      }
      const artifacts = objectsOf(await client.jsonOf(url, response, request))
      const hasLink = 'link' in response.headers
      const hasMore = hasLink
        ? nextPageOf(response, url.pathname + url.search) !== undefined
        : artifacts.length >= PAGE_SIZE
      yield {
        tags: artifacts.flatMap(({ digest, tags }) =>
          listOf(tags ?? [], "an artifact's list of tags").map((entry) => {
            const { name, push_time: pushed } = objectOf(entry, 'a tag')
            return { tag: name, digest, changedAt: timeOf(pushed) }
          }),
        ),
        entries: artifacts.length,
        // no total: Harbor counts artifacts, which may have many tags
        isComplete: !hasMore,
      }
    }
  },
}

/** Returns the path of a page. Slashes in the repository are encoded twice, because Harbor's router decodes them once. */
function pathOf(name: string, page: number): string {
  const slash = name.indexOf('/')
  const project = name.slice(0, slash)
  const repository = encodeURIComponent(encodeURIComponent(name.slice(slash + 1)))
  const path = `/api/v2.0/projects/${project}/repositories/${repository}/artifacts`
  return `${path}?page_size=${PAGE_SIZE}&page=${page}&with_tag=true&q=tags%3D*`
}
