import type { FetchSession, ImageFetcher } from '../imagestream/image/fetch-image.ts'
import type { FetchedImage, Image } from '../imagestream/image/image.ts'
import type { RemoteOptions } from '../imagestream/image/remote-registry.ts'
import type { Digest } from '../oci/digest.ts'
import type { Platform } from '../oci/platform.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { TagName } from '../oci/tag.ts'
import { originOf } from './origin.ts'
import type { ExternalRemote } from './ports.ts'

export interface ExternalRepositoryDependencies {
  readonly remote: ExternalRemote
  readonly fetcher: ImageFetcher
  /** `host[:port]`. */
  readonly registry: string
  /** Whether it may speak plain HTTP or show a certificate that does not verify. */
  readonly insecure: boolean
}

/** Questions to one repository of the external registry, where that it has something not is an answer. */
export interface ExternalRepository {
  /** The tags' names as they are listed; none of a repository that is gone. */
  listTags(): Promise<TagName[]>
  /** What the tag means now; `known` makes the question cheaper. Null when it is gone. */
  resolve(tag: TagName, known: Digest | null): Promise<Digest | null>
  /** The image, verified, with everything below it; null when the registry does not have it. */
  fetchImage(session: FetchSession, digest: Digest): Promise<FetchedImage | Image | null>
  /** Dispose of it once what it fetched is stored. */
  begin(): FetchSession
}

const circular = (registry: string, repository: string): RegistryError =>
  new RegistryError(`${registry}: its list of the tags of ${repository} leads back to where it began`, {
    reason: 'RegistryUnavailable',
    registry,
    repository,
  })

/** Nobody chooses a platform here: an index is kept whole. */
const ANY_PLATFORM: Platform = { os: 'linux', architecture: 'amd64' }

/** Opens a repository of the external registry. Every method throws RegistryError but NotFound, or the signal's reason. */
export function openRepository(
  { remote, fetcher, registry, insecure }: ExternalRepositoryDependencies,
  repository: string,
  asking: Pick<RemoteOptions, 'lane' | 'urgency' | 'signal'>,
): ExternalRepository {
  const namespace = originOf(repository)?.namespace ?? null
  const remoteRepository = remote.repository({ registry, repository }, { insecure, namespace, ...asking })
  return {
    async listTags() {
      const names: TagName[] = []
      try {
        for await (const page of remoteRepository.listTags()) {
          if (page.isPartial) throw circular(registry, repository)
          names.push(...page.names)
        }
      } catch (error) {
        // a part of a list says nothing of what is missing in it
        if (!isNotFound(error)) throw error
        return []
      }
      return names
    },
    resolve: (tag, known) =>
      remoteRepository.resolveTag(tag, known).then(({ digest }) => digest, nullIfNotFound),
    async fetchImage(session, digest) {
      // asked for although it may be stored: that this registry has it is what makes a notification true
      const manifest = await remoteRepository.fetchManifest(digest).catch(nullIfNotFound)
      if (!manifest) return null
      return (await session.tagImage({ digest, manifest }, 'PreserveOriginal', ANY_PLATFORM)).image
    },
    begin: () => fetcher.begin(remoteRepository),
  }
}

const isNotFound = (error: unknown): boolean => error instanceof RegistryError && error.reason === 'NotFound'

const nullIfNotFound = (error: unknown): null => {
  if (isNotFound(error)) return null
  throw error
}
