import { fetchBlob } from './content/blobs.ts'
import type { ListingOptions } from './content/listing.ts'
import { fetchManifest, resolveTag } from './content/manifests.ts'
import { digestOfTag, listReferrers } from './content/referrers.ts'
import type { RegistryRepository } from './content/registry-repository.ts'
import { fetchConfig, fetchSmallBlob } from './content/small-blobs.ts'
import { listTags } from './content/tags.ts'
import type { OpenedSession } from './sessions.ts'

/** Creates the repository at the one location of a session. */
export function repositoryAt(
  { session, hints }: OpenedSession,
  { clock, limits, warn }: ListingOptions,
): RegistryRepository {
  const options = { hints, clock, warn }
  return {
    listTags: (from) => listTags(session, { from, clock, limits, warn }),
    resolveTag: (tag, known) => resolveTag(session, tag, known, options),
    fetchManifest: (digest) => fetchManifest(session, digest),
    fetchConfig: (descriptor) => fetchConfig(session, descriptor),
    fetchBlob: (descriptor) => fetchBlob(session, descriptor, { clock, limits }),
    listReferrers: (subject, artifactType) => listReferrers(session, { subject, artifactType }, options),
    digestOfTag: (tag) => digestOfTag(session, tag, options),
    fetchAttachment: (descriptor, maxBytes) =>
      fetchSmallBlob(session, descriptor, { noun: 'attachment', maxBytes }),
  }
}
