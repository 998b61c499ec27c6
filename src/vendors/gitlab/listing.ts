import { hasTokenServer, PROBE } from '../listing/detect.ts'
import { nextPageOf, objectsOf, parseResponse, timeOf } from '../listing/response.ts'
import type { Vendor } from '../listing/vendor.ts'

const PAGE_SIZE = 1000

/**
 * GitLab's listing, newest publication first, at the registry itself and with the token that pulls. The publication of a
 * tag is reported as a move. Source: GitLab container registry, docs/spec/gitlab/api.md.
 */
export const gitlab: Vendor = {
  title: 'GitLab',
  newestFirst: true,
  hasHost: (name) => name === 'registry.gitlab.com',
  headers: ['gitlab-container-registry-version'],
  sends: hasTokenServer('/jwt/auth', 'container_registry'),
  // 404 without the metadata database; source: GitLab container registry, API v1
  async isEnabled(api) {
    const { status } = await api.requestUrl(new URL('/gitlab/v1/', await api.origin()), PROBE)
    return status === 200 || status === 401
  },
  async *pages(client) {
    const firstPath = `/gitlab/v1/repositories/${client.repository}/tags/list/?n=${PAGE_SIZE}&sort=-published_at`
    for (let path: string | undefined = firstPath; path !== undefined; ) {
      const response = await client.requestRegistry({ path })
      const tags = objectsOf(parseResponse(response)).map((entry) => ({
        tag: entry.name,
        digest: entry.digest,
        changedAt: timeOf(entry.published_at) ?? timeOf(entry.updated_at) ?? timeOf(entry.created_at),
      }))
      path = nextPageOf(response, path)
      const moves = tags.map(({ tag, digest, changedAt }) => ({ tag, digest, from: changedAt, until: null }))
      yield { tags, moves, entries: tags.length, isComplete: path === undefined }
    }
  },
}
