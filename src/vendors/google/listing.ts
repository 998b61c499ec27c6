import type { ToldTag } from '../listing/claims.ts'
import { listOf, objectOf, parseJson, timestampOf } from '../listing/json.ts'
import { nextPageOf } from '../listing/next-page.ts'
import type { Vendor } from '../listing/vendor.ts'

/** What Google's own client asks for; whether more tags than that are told is not known. */
const PAGE_SIZE = 10_000

/**
 * Google's Container Registry and Artifact Registry: their answer to the standard's listing has every manifest with its
 * tags. Source: google/go-containerregistry, pkg/v1/google/list.go.
 */
export const google: Vendor = {
  title: 'Google Artifact Registry',
  newestFirst: false,
  serves: () => true,
  async *pages(desk) {
    const usual = `/v2/${desk.repository}/tags/list`
    for (let path: string | undefined = `${usual}?n=${PAGE_SIZE}`; path !== undefined; ) {
      const answer = await desk.ask({ path })
      const next = nextPageOf(answer, path)
      const { manifest, tags } = objectOf(parseJson(answer), 'its answer')
      const names = listOf(tags ?? [], 'its list of tags')
      const told = tagsOf(objectOf(manifest, 'its map of manifests'), names)
      const isComplete = next === undefined && names.length < PAGE_SIZE
      yield { tags: told, entries: names.length, total: isComplete ? names.length : null, isComplete }
      path = names.length === 0 ? undefined : next
    }
  },
}

/** Each name of the list with the digest of the manifest that has it: none where no manifest has it, or several. */
function tagsOf(manifests: Readonly<Record<string, unknown>>, names: readonly unknown[]): ToldTag[] {
  const found = new Map<unknown, ToldTag>()
  for (const [digest, entry] of Object.entries(manifests)) {
    const { tag, timeUploadedMs } = objectOf(entry, 'a manifest')
    const changedAt = timestampOf(timeUploadedMs, 1)
    for (const name of listOf(tag ?? [], "a manifest's list of tags")) {
      found.set(name, { tag: name, digest: found.has(name) ? null : digest, changedAt })
    }
  }
  for (const name of names)
    if (!found.has(name)) found.set(name, { tag: name, digest: null, changedAt: null })
  return [...found.values()]
}
