import type { FetchSession, ImageFetcher } from '../imagestream/image/fetch-image.ts'
import type { FetchedImage, Image } from '../imagestream/image/image.ts'
import type { RemoteOptions, RemoteRegistry } from '../imagestream/image/remote-registry.ts'
import type { Platform } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { TagName } from '../oci/tag.ts'
import { originOf } from './origin.ts'

/** Client of the external registry; `app/registry.ts` connects it to `remote`. */
export interface ExternalRemote extends RemoteRegistry {
  /** Yields every repository, page by page. Throws RegistryError, or the signal's reason once it is aborted. */
  repositories(registry: string, options: RemoteOptions): AsyncIterable<readonly string[]>
}

interface ExternalRepositoryDependencies {
  readonly remote: ExternalRemote
  readonly fetcher: ImageFetcher
  /** `host[:port]`. */
  readonly registry: string
  /** Allows plain HTTP and certificates that do not verify. */
  readonly insecure: boolean
}

/** Reads a repository of the external registry. A 404 is a result and not an error. */
export type ExternalRepository = ReturnType<typeof openRepository>

const circularList = (registry: string, repository: string): RegistryError =>
  new RegistryError(`${registry}: the tag list of ${repository} links back to an earlier page`, {
    reason: 'RegistryUnavailable',
    registry,
    repository,
  })

/** Unused: an index is stored whole, so no platform is chosen. */
const ANY_PLATFORM: Platform = { os: 'linux', architecture: 'amd64' }

/** Opens a repository. Its methods throw RegistryError except for a 404, or the signal's reason. */
export function openRepository(
  { remote, fetcher, registry, insecure }: ExternalRepositoryDependencies,
  repository: string,
  options: Pick<RemoteOptions, 'lane' | 'urgency' | 'signal'>,
) {
  const { namespace } = originOf(repository)
  const remoteRepository = remote.repository({ registry, repository }, { insecure, namespace, ...options })
  return {
    /** Returns the tag list; empty for a repository that does not exist. */
    async listTags(): Promise<TagName[]> {
      const names: TagName[] = []
      try {
        for await (const page of remoteRepository.listTags()) {
          if (page.isPartial) throw circularList(registry, repository)
          names.push(...page.names)
        }
      } catch (error) {
        if (!isNotFound(error)) throw error
        // without the pages that were read: a part of a list does not show what is missing
        return []
      }
      return names
    },
    /** Returns the digest that the tag points to; null if the tag does not exist. `known` allows a conditional request. */
    resolve: (tag: TagName, known: Digest | null): Promise<Digest | null> =>
      remoteRepository.resolveTag(tag, known).then(({ digest }) => digest, nullIfNotFound),
    /** Returns the verified image with its children; null if the registry does not have it. */
    async fetchImage(session: FetchSession, digest: Digest): Promise<FetchedImage | Image | null> {
      // requested even if it is stored here: a notification is true only if this registry has the manifest
      const manifest = await remoteRepository.fetchManifest(digest).catch(nullIfNotFound)
      if (!manifest) return null
      return (await session.tagImage({ digest, manifest }, 'PreserveOriginal', ANY_PLATFORM)).image
    },
    /** Starts a session; the caller disposes of it when the fetched images are stored. */
    begin: (): FetchSession => fetcher.begin(remoteRepository, namespace),
  }
}

const isNotFound = (error: unknown): boolean => error instanceof RegistryError && error.reason === 'NotFound'

const nullIfNotFound = (error: unknown): null => {
  if (isNotFound(error)) return null
  throw error
}
