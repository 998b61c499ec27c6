import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/open.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { RepositoryName } from '../protocol/repository-name.ts'
import { createContent } from './content.ts'
import { createReferrerRows } from './referrer-rows.ts'

/** Reads signatures and other referrers of images without HTTP. Undefined for content that the repository does not have. */
export interface Attachments {
  /** Returns the first `limit` descriptors, and one more when there are more. */
  referrers(
    repository: RepositoryName,
    subject: Digest,
    options: { readonly artifactType: string | null; readonly limit: number },
  ): readonly Descriptor[]
  digestOfTag(repository: RepositoryName, tag: TagName): Digest | undefined
  manifest(repository: RepositoryName, digest: Digest): AttachedManifest | undefined
  /** Reads a whole blob; undefined also for one larger than `maxBytes`. */
  blob(repository: RepositoryName, digest: Digest, maxBytes: number): Promise<Uint8Array | undefined>
}

/** Exact bytes of a manifest, and the media type that it was pushed with. */
export interface AttachedManifest {
  readonly bytes: Uint8Array
  readonly contentType: string
}

export function createAttachments(db: Database, blobs: Pick<BlobStore, 'open'>): Attachments {
  const content = createContent(db)
  const rows = createReferrerRows(db, content)
  return {
    referrers(name, subject, { artifactType, limit }) {
      const repository = content.repository(name)
      if (!repository) return []
      return rows
        .page(repository.id, subject, { artifactType, last: '', limit: limit + 1 })
        .map((referrer) => ({
          mediaType: referrer.mediaType,
          digest: referrer.digest,
          size: referrer.size,
          ...(referrer.artifactType !== null && { artifactType: referrer.artifactType }),
          annotations: rows.annotationsOf(referrer) ?? {},
        }))
    },
    digestOfTag(name, tag) {
      const repository = content.repository(name)
      return repository && content.manifestOfTag(repository, tag)?.digest
    },
    manifest(name, digest) {
      const repository = content.repository(name)
      const manifest = repository && content.manifest(repository.id, digest)
      return manifest && { bytes: content.manifestBytes(manifest.imageId), contentType: manifest.mediaType }
    },
    async blob(name, digest, maxBytes) {
      const repository = content.repository(name)
      const linked = repository && content.blob(repository.id, digest)
      if (!linked || linked.size > maxBytes) return undefined
      await using blob = await blobs.open(digest)
      return await blob?.read()
    },
  }
}
