import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/open.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Reference } from '../../oci/reference.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { TagName } from '../../oci/tag.ts'
import { createAttachmentTags } from './attachment-tags.ts'
import { createContent } from './content.ts'
import { createReferrerRows } from './referrer-rows.ts'

/** Descriptors of one list; one more is read to know whether the list is complete. */
const MAX_REFERRERS = 1000

interface AttachmentDependencies {
  readonly db: Database
  readonly blobs: Pick<BlobStore, 'open'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Opens repositories of the integrated registry, to read their artifacts as those of other registries, without requests. */
export function createAttachments({ db, blobs, now }: AttachmentDependencies) {
  const content = createContent(db)
  const attachmentOfTag = createAttachmentTags(db, content, now)
  const rows = createReferrerRows(db, content)
  return ({ registry, repository: path }: Pick<Reference, 'registry' | 'repository'>) => {
    const name = repositoryNameOf(path)
    const find = () => name && content.repository(name)
    const missing = (what: string): RegistryError =>
      new RegistryError(`${registry} does not have ${what} of ${path}`, {
        reason: 'NotFound',
        registry,
        repository: path,
      })
    return {
      async listReferrers(subject: Digest, artifactType: string | null) {
        const repository = find()
        const limit = MAX_REFERRERS + 1
        const found = repository ? rows.page(repository.id, subject, { artifactType, last: '', limit }) : []
        const descriptors = found.slice(0, MAX_REFERRERS).map((referrer): Descriptor => {
          const { mediaType, digest, size, artifactType: type } = referrer
          const annotations = rows.annotationsOf(referrer) ?? {}
          return { mediaType, digest, size, ...(type !== null && { artifactType: type }), annotations }
        })
        return { descriptors, source: 'API' as const, isComplete: found.length <= MAX_REFERRERS }
      },

      /** Returns the digest that the tag points to; null for an unknown tag. */
      async digestOfTag(tag: TagName): Promise<Digest | null> {
        const repository = find()
        if (!repository) return null
        const manifest = content.manifestOfTag(repository, tag) ?? (await attachmentOfTag(repository, tag))
        return manifest?.digest ?? null
      },

      /** Returns the exact bytes, and the media type that they were pushed with. Rejects with RegistryError for an unknown manifest. */
      async fetchManifest(digest: Digest) {
        const repository = find()
        const manifest = repository && content.manifest(repository.id, digest)
        if (!manifest) throw missing(`the manifest ${digest}`)
        return { bytes: content.manifestBytes(manifest.imageId), contentType: manifest.mediaType }
      },

      /** Returns a whole blob. Rejects with RegistryError for an unknown one, and one larger than `maxBytes`. */
      async fetchAttachment({ digest }: Pick<Descriptor, 'digest'>, maxBytes: number): Promise<Uint8Array> {
        const repository = find()
        const linked = repository && content.blob(repository.id, digest)
        await using blob = linked && linked.size <= maxBytes ? await blobs.open(digest) : undefined
        if (!blob) throw missing(`the attachment ${digest}`)
        return await blob.read()
      },
    }
  }
}
