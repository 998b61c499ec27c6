import type { Readable } from 'node:stream'
import type { Reference } from '../../oci/reference.ts'
import type { RegistryRepository } from '../content/registry-repository.ts'
import { verified } from '../content/verified-stream.ts'
import type { FailedMirrors } from './failed-mirrors.ts'
import { missingTagError, wrongDigestError } from './location-errors.ts'
import { RepositoryLocations, type RepositoryLocationsOptions } from './repository-locations.ts'

export interface MirroredRepositoryOptions extends RepositoryLocationsOptions {
  readonly failedMirrors: FailedMirrors
}

/** Creates a repository that is read from the locations of its plan. */
export function mirroredRepository(
  reference: Pick<Reference, 'registry' | 'repository'>,
  { failedMirrors, ...options }: MirroredRepositoryOptions,
): RegistryRepository {
  const locations = new RepositoryLocations(reference, options)
  return {
    listTags: (from) => locations.list((repository) => repository.listTags(from), from !== undefined),
    resolveTag: (tag, known) => locations.firstOf('TAGS', (repository) => repository.resolveTag(tag, known)),
    fetchManifest: (digest) => locations.firstOf('DIGESTS', (repository) => repository.fetchManifest(digest)),
    fetchConfig: (descriptor) =>
      locations.firstOf('DIGESTS', (repository) => repository.fetchConfig(descriptor)),
    fetchBlob: (descriptor) =>
      locations.firstOf(
        'DIGESTS',
        async (repository, location): Promise<Readable> => {
          const blob = await repository.fetchBlob(descriptor)
          const { digest } = descriptor
          if (!location.isMirror) return blob
          // the reader may have passed bytes on when the failure is found: the next request uses another location
          return verified(blob, digest, {
            error: () => wrongDigestError(location, digest),
            onFailure: () => options.signal.aborted || failedMirrors.add(location, digest),
          })
        },
        (location) => !failedMirrors.has(location, descriptor.digest),
      ),
    // a referrer at a mirror exists; its absence there proves nothing
    listReferrers: (subject, artifactType) =>
      locations.firstOf('LISTS', async (repository, { isMirror }) => {
        const listing = await repository.listReferrers(subject, artifactType)
        return isMirror ? { ...listing, isComplete: false } : listing
      }),
    digestOfTag: (tag) =>
      locations.firstOf('LISTS', async (repository, location) => {
        const digest = await repository.digestOfTag(tag)
        if (digest === null && location.isMirror) throw missingTagError(location, tag)
        return digest
      }),
    fetchAttachment: (descriptor, maxBytes) =>
      locations.firstOf('DIGESTS', (repository) => repository.fetchAttachment(descriptor, maxBytes)),
  }
}
