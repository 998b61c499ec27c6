import { missingStream, type Viewer } from '../access/right/viewer.ts'
import type { Streams } from '../imagestream/stream/stream.ts'
import { keyOf, type Tags } from '../imagestream/tag/tag.ts'
import type { PageKey } from '../input/page.ts'
import { parseReference } from '../oci/reference.ts'
import { RegistryError } from '../oci/registry-error.ts'
import { parseRepositoryName } from '../oci/repository-name.ts'
import type { StreamName } from '../oci/stream-name.ts'
import type { createAttachments } from '../registry/content/attachments.ts'
import type { ImageDestinations } from '../registry/mirroring/destination.ts'
import { isRepository, type MirroredImage } from '../registry/mirroring/mirroring.ts'
import type { ImageSources } from '../registry/mirroring/source.ts'
import type { RegistryRules } from '../remote/location/registry-rules.ts'
import type { RegistryClient } from '../remote/registry-client.ts'

interface ImageSourceParts {
  readonly remote: RegistryClient
  readonly streams: Pick<Streams, 'byName'>
  readonly tags: Pick<Tags, 'pageOfStreams'>
  /** Opens repositories of the integrated registry. */
  readonly attachments: ReturnType<typeof createAttachments>
  /** Reports whether the registry is the integrated one. */
  readonly isOwn: (registry: string) => boolean
}

/** Tags of a stream that are read together. */
const PART = 500

/** Joins the sources of copies: other registries over the network, and the integrated registry's own rows. */
export function imageSources({ remote, streams, tags, attachments, isOwn }: ImageSourceParts): ImageSources {
  /** Yields the images that the tags of a stream point to now, wherever these are. */
  async function* ofStream(viewer: Viewer, { namespace, name }: StreamName) {
    const stream = streams.byName(viewer, namespace, name)
    if (!stream) throw missingStream({ namespace, name })
    for (let after: PageKey | undefined; ; ) {
      const page = { limit: PART, peek: false, after }
      const part = await tags.pageOfStreams([stream.id], { order: 'NAME', page })
      const last = part.at(-1)
      if (!last) return
      yield part.flatMap(({ name: tag, dockerImageReference }): MirroredImage[] =>
        dockerImageReference === null ? [] : [{ source: parseReference(dockerImageReference), tag }],
      )
      after = keyOf(last, 'NAME')
    }
  }

  return {
    isOwn,
    open(reference, options) {
      if (!isOwn(reference.registry)) {
        const repository = remote.repository(reference, options)
        return {
          ...repository,
          resolveTag: async (tag) => (await repository.resolveTag(tag, null)).digest,
        }
      }
      const own = attachments(reference)
      return {
        ...own,
        async resolveTag(tag) {
          const digest = await own.digestOfTag(tag)
          if (digest !== null) return digest
          const { registry, repository } = reference
          const message = `${registry} does not have the tag "${tag}" of ${repository}`
          throw new RegistryError(message, { reason: 'NotFound', registry, repository })
        },
      }
    },
    async *list(viewer, of, options) {
      if (!isRepository(of)) return yield* ofStream(viewer, of)
      const { registry, repository } = of
      if (isOwn(registry)) return yield* ofStream(viewer, parseRepositoryName(repository))
      for await (const { names } of remote.repository(of, options).listTags()) {
        yield names.map((tag) => ({ source: { registry, repository, tag, digest: null }, tag }))
      }
    },
    fetchBlob: (reference, options, descriptor) =>
      remote.repository(reference, options).fetchBlob(descriptor),
  }
}

interface ImageDestinationParts {
  readonly remote: Pick<RegistryClient, 'writableRepository'>
  /** The current configurations of registries. */
  readonly rules: () => RegistryRules
}

/** Opens the destinations of copies in other registries. */
export const imageDestinations = ({ remote, rules }: ImageDestinationParts): ImageDestinations => ({
  open: (repository, { createRepository: createMissing, ...context }) =>
    remote.writableRepository(repository, context, { createMissing }),
  locate(repository) {
    const plan = rules().planOf(repository.registry, repository.repository)
    // a blocked one is refused when it is requested
    return ('locations' in plan && plan.locations.at(-1)) || repository
  },
})
