import { isGoogleRegistry } from '../../logins/cloud-registry.ts'
import { listOf, nextPageOf, objectOf, parseResponse, timestampOf } from '../listing/response.ts'
import type { RawTag, Vendor } from '../listing/vendor.ts'

/** The page size of Google's own client; whether larger repositories are listed completely is not documented. */
const PAGE_SIZE = 10_000

/**
 * Container Registry and Artifact Registry of Google: their response to the standard tag list has all manifests with their
 * tags. Source: google/go-containerregistry, pkg/v1/google/list.go.
 */
export const google: Vendor = {
  title: 'Google Artifact Registry',
  newestFirst: false,
  hasHost: isGoogleRegistry,
  async *pages(client) {
    const firstPath = `/v2/${client.repository}/tags/list?n=${PAGE_SIZE}`
    for (let path: string | undefined = firstPath; path !== undefined; ) {
      const response = await client.requestRegistry({ path })
      const next = nextPageOf(response, path)
      const { manifest, tags } = objectOf(parseResponse(response))
      const names = listOf(tags ?? [], 'its list of tags')
      const page = tagsOf(objectOf(manifest, 'its map of manifests'), names)
      const isComplete = next === undefined && names.length < PAGE_SIZE
      yield { tags: page, entries: names.length, total: isComplete ? names.length : null, isComplete }
      path = names.length === 0 ? undefined : next
    }
  },
}

/** Returns each name with the digest of its manifest; null for a name of no manifest, or of several. */
function tagsOf(manifests: Readonly<Record<string, unknown>>, names: readonly unknown[]): RawTag[] {
  const found = new Map<unknown, RawTag>()
  for (const [digest, entry] of Object.entries(manifests)) {
    const { tag, timeUploadedMs } = objectOf(entry, 'a manifest')
    const changedAt = timestampOf(timeUploadedMs, 1)
    for (const name of listOf(tag ?? [], "a manifest's list of tags")) {
      found.set(name, { tag: name, digest: found.has(name) ? null : digest, changedAt })
    }
  }
  for (const name of names) {
    if (!found.has(name)) found.set(name, { tag: name, digest: null, changedAt: null })
  }
  return [...found.values()]
}
