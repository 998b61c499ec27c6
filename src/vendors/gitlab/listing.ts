import { objectsOf, parseResponse } from '../listing/json.ts'
import { nextPageOf } from '../listing/next-page.ts'
import { timeOf } from '../listing/time.ts'
import type { Vendor } from '../listing/vendor.ts'

const PAGE_SIZE = 1000

/**
 * GitLab's listing, newest publication first, at the registry itself and with the token that pulls. The publication of a
 * tag is reported as a move. Source: GitLab container registry, docs/spec/gitlab/api.md.
 */
export const gitlab: Vendor = {
  title: 'GitLab',
  newestFirst: true,
  serves: () => true,
  async *pages(client) {
    const firstPath = `/gitlab/v1/repositories/${client.repository}/tags/list/?n=${PAGE_SIZE}&sort=-published_at`
    for (let path: string | undefined = firstPath; path !== undefined; ) {
      const response = await client.requestRegistry({ path })
      const tags = objectsOf(parseResponse(response), 'the response').map((entry) => ({
        tag: entry.name,
        digest: entry.digest,
        changedAt: timeOf(entry.published_at) ?? timeOf(entry.updated_at) ?? timeOf(entry.created_at),
      }))
      path = nextPageOf(response, path)
      const moves = tags.map(({ tag, digest, changedAt }) => ({ tag, digest, from: changedAt, until: null }))
      yield { tags, moves, entries: tags.length, total: null, isComplete: path === undefined }
    }
  },
}
