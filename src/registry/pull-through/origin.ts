import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { parseReference, type Reference } from '../../oci/reference.ts'
import type { Content } from '../content/content.ts'

/** A blob, and where a manifest says that it comes from. */
export interface Origin {
  readonly reference: Pick<Reference, 'registry' | 'repository'>
  readonly insecure: boolean
  readonly digest: Digest
  /** Bytes, by the manifest. */
  readonly size: number
}

/** What the imported manifests of a repository say of blobs: a repository's right to one is that they name it. */
export interface Origins {
  /** By the newest of the manifests. */
  of(repositoryId: number, digest: Digest): Origin | undefined
  /** Whether one of the repository's manifests still says so. */
  isNamed(repositoryId: number, origin: Origin): boolean
}

interface Naming {
  readonly imageId: number
  readonly mediaType: string
  readonly source: string
  readonly insecure: 0 | 1
}

export function createOrigins({ db, content }: { db: Database; content: Content }): Origins {
  // in this order: every push asks first for blobs that nothing names yet, in repositories of any size
  const naming = db.prepare<Naming>(
    `select m.image_id as imageId, i.media_type as mediaType, m.source, m.insecure
     from manifest_references f
       cross join repository_manifests m on m.image_id = f.image_id
       cross join images i on i.id = m.image_id
     where +m.repository_id = ? and f.digest = ? and m.source is not null
     order by m.pushed_at desc, m.image_id desc`,
  )

  const originsOf = function* (repositoryId: number, digest: Digest): Generator<Origin> {
    for (const { imageId, mediaType, source, insecure } of naming.all(repositoryId, digest)) {
      const manifest = parseManifest(content.manifestBytes(imageId), mediaType)
      // what an index names are manifests
      if (manifest.kind === 'index') continue
      const descriptor = [manifest.config, ...manifest.layers].find((part) => part.digest === digest)
      if (!descriptor) continue
      const { registry, repository } = parseReference(source)
      const reference = { registry, repository }
      yield { reference, insecure: insecure === 1, digest, size: descriptor.size }
    }
  }

  return {
    of: (repositoryId, digest) => originsOf(repositoryId, digest).next().value ?? undefined,
    isNamed(repositoryId, origin) {
      const key = keyOf(origin)
      for (const named of originsOf(repositoryId, origin.digest)) if (keyOf(named) === key) return true
      return false
    },
  }
}

/**
 * Origins with the same key may share a fetch. Who only knows a digest, and has a manifest of another source that names
 * it, does not: that source must give it itself.
 */
export const keyOf = ({ reference, insecure, digest, size }: Origin): string =>
  `${reference.registry}/${reference.repository}@${digest} ${size} ${insecure}`
