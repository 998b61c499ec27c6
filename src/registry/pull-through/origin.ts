import type { Database } from '../../db/open.ts'
import type { images, repositoryManifests } from '../../db/tables/index.ts'
import type { Digest } from '../../oci/digest.ts'
import { readManifest } from '../../oci/manifest.ts'
import { parseReference, type Reference } from '../../oci/reference.ts'
import type { Content } from '../content/content.ts'

/** A blob that an imported manifest names, and the repository that it comes from. */
export interface BlobOrigin {
  readonly reference: Pick<Reference, 'registry' | 'repository'>
  readonly insecure: boolean
  readonly digest: Digest
  /** Bytes, from the manifest. */
  readonly size: number
}

/** Origins of the blobs of a repository. A repository may fetch a blob only if one of its imported manifests names it. */
export type BlobOrigins = ReturnType<typeof createBlobOrigins>

type NamingManifest = Pick<typeof repositoryManifests.$inferSelect, 'imageId' | 'insecure'> &
  Pick<typeof images.$inferSelect, 'mediaType'> & { readonly source: string }

export function createBlobOrigins({ db, content }: { db: Database; content: Content }) {
  // cross joins fix the order: every push first looks up blobs that no manifest names yet, in repositories of any size
  const naming = db.prepare<NamingManifest>(
    `select m.image_id as imageId, i.media_type as mediaType, m.source, m.insecure
     from manifest_references f
       cross join repository_manifests m on m.image_id = f.image_id
       cross join images i on i.id = m.image_id
     where +m.repository_id = ? and f.digest = ? and m.source is not null
     order by m.pushed_at desc, m.image_id desc`,
  )

  const originsOf = function* (repositoryId: number, digest: Digest): Generator<BlobOrigin> {
    for (const { imageId, mediaType, source, insecure } of naming.all(repositoryId, digest)) {
      const manifest = readManifest(content.manifestBytes(imageId), mediaType)
      // an index names manifests, not blobs
      if (manifest.kind === 'index') continue
      const descriptor = [manifest.config, ...manifest.layers].find((part) => part.digest === digest)
      if (!descriptor) continue
      const { registry, repository } = parseReference(source)
      const reference = { registry, repository }
      yield { reference, insecure: insecure === 1, digest, size: descriptor.size }
    }
  }

  return {
    /** Returns the origin from the newest manifest; undefined when no manifest names the blob. */
    of: (repositoryId: number, digest: Digest): BlobOrigin | undefined =>
      originsOf(repositoryId, digest).next().value ?? undefined,
    /** Reports whether a manifest of the repository still names the blob with this origin. */
    isNamed: (repositoryId: number, origin: BlobOrigin): boolean =>
      [...originsOf(repositoryId, origin.digest)].some((named) => keyOf(named) === keyOf(origin)),
  }
}

/**
 * Returns a key that is equal for origins that may share a fetch. The key contains the source: a client that knows only
 * a digest, and pushed a manifest of another source that names it, must get the blob from that source.
 */
export const keyOf = ({ reference, insecure, digest, size }: BlobOrigin): string =>
  `${reference.registry}/${reference.repository}@${digest} ${size} ${insecure}`
