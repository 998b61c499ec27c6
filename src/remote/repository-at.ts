import type { Clock } from '../concurrency/clock.ts'
import { fetchBlob } from './content/blobs.ts'
import { fetchManifest, resolveTag } from './content/manifests.ts'
import { digestOfTag, listReferrers } from './content/referrers.ts'
import type { RegistryRepository } from './content/registry-repository.ts'
import { fetchConfig, fetchSmallBlob } from './content/small-blobs.ts'
import { listTags } from './content/tags.ts'
import type { OpenedSession } from './sessions.ts'
import type { RemoteLimits } from './traffic/limits.ts'

export interface RepositoryAtOptions {
  readonly clock: Clock
  readonly limits: RemoteLimits
  readonly warn: (message: string) => void
}

/** Creates the repository at the one location of a session. */
export function repositoryAt(
  { session, hints }: OpenedSession,
  { clock, limits, warn }: RepositoryAtOptions,
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
