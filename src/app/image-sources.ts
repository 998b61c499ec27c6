import { RegistryError } from '../oci/registry-error.ts'
import type { createAttachments } from '../registry/content/attachments.ts'
import type { ImageSources } from '../registry/mirroring/source.ts'
import type { RegistryClient } from '../remote/registry-client.ts'

interface ImageSourceParts {
  readonly remote: RegistryClient
  /** Opens repositories of the integrated registry. */
  readonly attachments: ReturnType<typeof createAttachments>
  /** Reports whether the registry is the integrated one. */
  readonly isOwn: (registry: string) => boolean
}

/** Joins the sources of copies: other registries over the network, and the integrated registry's own rows. */
export const imageSources = ({ remote, attachments, isOwn }: ImageSourceParts): ImageSources => ({
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
})
