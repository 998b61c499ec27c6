import { createHash } from 'node:crypto'
import { pipeline, type Readable, Transform } from 'node:stream'
import { LRUCache } from 'lru-cache'
import { algorithmOf, type Digest } from '../../oci/digest.ts'
import type { RegistryRepository } from '../content/registry-repository.ts'
import { missingTagError, wrongDigestError } from './location-errors.ts'
import type { RepositoryLocation, RepositoryName } from './registry-rules.ts'
import { RepositoryLocations, type RepositoryLocationsOptions } from './repository-locations.ts'

/** Failures that are remembered. */
const MAX_FAILURES = 1000

/** Mirrors whose blob had another digest or ended early: the blob is requested from them last. */
export class FailedMirrors {
  readonly #entries = new LRUCache<string, true>({ max: MAX_FAILURES })

  has(location: RepositoryLocation, digest: Digest): boolean {
    return location.isMirror && this.#entries.has(keyOf(location, digest))
  }

  add(location: RepositoryLocation, digest: Digest): void {
    this.#entries.set(keyOf(location, digest), true)
  }

  /** Forgets all failures: the mirrors may have changed. */
  clear(): void {
    this.#entries.clear()
  }
}

const keyOf = ({ registry, repository }: RepositoryLocation, digest: Digest): string =>
  `${registry}/${repository}@${digest}`

export interface MirroredRepositoryOptions extends RepositoryLocationsOptions {
  readonly failedMirrors: FailedMirrors
}

/** Creates a repository that is read from the locations of its plan. */
export function mirroredRepository(
  reference: RepositoryName,
  { failedMirrors, ...options }: MirroredRepositoryOptions,
): RegistryRepository {
  const locations = new RepositoryLocations(reference, options)
  return {
    listTags: (from) => locations.list((repository) => repository.listTags(from), from !== undefined),
    resolveTag: (tag, known) => locations.firstOf('TAGS', (repository) => repository.resolveTag(tag, known)),
    fetchManifest: (digest) => locations.firstOf('DIGESTS', (repository) => repository.fetchManifest(digest)),
    confirmManifest: (digest) =>
      locations.firstOf('DIGESTS', (repository) => repository.confirmManifest(digest)),
    fetchConfig: (descriptor) =>
      locations.firstOf('DIGESTS', (repository) => repository.fetchConfig(descriptor)),
    fetchBlob: (descriptor) =>
      locations.firstOf(
        'DIGESTS',
        async (repository, location) => {
          const blob = await repository.fetchBlob(descriptor)
          const { digest } = descriptor
          if (!location.isMirror) return blob
          // the reader may have passed bytes on when the failure is found: the next request uses another location
          return verified(blob, digest, {
            error: () => wrongDigestError(location, digest),
            onFailure: () => options.signal.aborted || failedMirrors.add(location, digest),
          })
        },
        (location) => failedMirrors.has(location, descriptor.digest),
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

interface VerifiedOptions {
  /** Creates the error of the stream for another digest. */
  readonly error: () => Error
  /** Called when the digest differs, or the source fails. */
  readonly onFailure: () => unknown
}

/** Returns a stream of the same bytes that withholds the last chunk until the digest of all of them is verified. */
function verified(source: Readable, digest: Digest, { error, onFailure }: VerifiedOptions): Readable {
  const hash = createHash(algorithmOf(digest))
  let last: Buffer | undefined
  const checked = new Transform({
    readableHighWaterMark: source.readableHighWaterMark,
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      const before = last
      last = chunk
      done(null, before)
    },
    flush(done) {
      if (digest.endsWith(`:${hash.digest('hex')}`)) return done(null, last)
      onFailure()
      done(error())
    },
  })
  // a reader that closes the stream destroys the source too, which is no failure
  source.once('error', () => checked.destroyed || onFailure())
  pipeline(source, checked, () => {})
  return checked
}
