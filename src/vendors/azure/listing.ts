import { objectOf, objectsOf, parseJson, timeOf } from '../listing/json.ts'
import { nextPageOf } from '../listing/next-page.ts'
import type { Vendor } from '../listing/vendor.ts'

const PAGE_SIZE = 100

/**
 * Azure's own listing, newest change first, at the registry itself, by a token that allows `metadata_read`. The next
 * page begins after the last tag of this one. Source: Azure/acr-cli, docs/swagger.yaml.
 */
export const azure: Vendor = {
  title: 'Azure',
  newestFirst: true,
  serves: () => true,
  async *pages(desk) {
    const scope = `repository:${desk.repository}:metadata_read`
    const usual = `/acr/v1/${desk.repository}/_tags?n=${PAGE_SIZE}&orderby=timedesc`
    let linked = false
    for (let path: string | undefined = usual; path !== undefined; ) {
      const answer = await desk.ask({ path, scope })
      const { imageName, tags } = objectOf(parseJson(answer), 'its answer')
      // a repository that lost its last tag has a name and no list
      const isEmpty = typeof imageName === 'string' && (tags === undefined || tags === null)
      const entries = objectsOf(isEmpty ? [] : tags, 'its list of tags')
      const told = entries.map(({ name, digest, lastUpdateTime }) => ({
        tag: name,
        digest,
        changedAt: timeOf(lastUpdateTime),
      }))
      const last = entries.at(-1)?.name
      const isFull = entries.length >= PAGE_SIZE && typeof last === 'string'
      const after: string | undefined = isFull ? `${usual}&last=${encodeURIComponent(last)}` : undefined
      const next = nextPageOf(answer, path)
      // a registry that links its pages has no more where there is no Link
      linked ||= next !== undefined
      path = entries.length === 0 ? undefined : (next ?? (linked ? undefined : after))
      yield { tags: told, entries: entries.length, total: null, isComplete: path === undefined }
    }
  },
}
