import { objectsOf, parseJson, timeOf } from '../listing/json.ts'
import { nextPageOf } from '../listing/next-page.ts'
import type { Vendor } from '../listing/vendor.ts'

const PAGE_SIZE = 1000

/**
 * GitLab's own listing, newest publication first, at the registry itself and by the same token that pulls. When a tag
 * was put where it is counts as a move of it. Source: GitLab container registry, docs/spec/gitlab/api.md.
 */
export const gitlab: Vendor = {
  title: 'GitLab',
  newestFirst: true,
  serves: () => true,
  async *pages(desk) {
    const usual = `/gitlab/v1/repositories/${desk.repository}/tags/list/?n=${PAGE_SIZE}&sort=-published_at`
    for (let path: string | undefined = usual; path !== undefined; ) {
      const answer = await desk.ask({ path })
      const tags = objectsOf(parseJson(answer), 'its answer').map((entry) => ({
        tag: entry.name,
        digest: entry.digest,
        changedAt: timeOf(entry.published_at) ?? timeOf(entry.updated_at) ?? timeOf(entry.created_at),
      }))
      path = nextPageOf(answer, path)
      const moves = tags.map(({ tag, digest, changedAt }) => ({ tag, digest, from: changedAt, until: null }))
      yield { tags, moves, entries: tags.length, total: null, isComplete: path === undefined }
    }
  },
}
