import type { Database } from '../../db/open.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { isNonDistributableType } from '../../oci/media-types.ts'
import { OciError } from '../protocol/errors.ts'
import type { Content } from './content.ts'
import { isManifestType } from './manifest-body.ts'

/** Maximum number of distinct parts of a manifest: more than any image has, and each is a row of one transaction. */
export const MAX_PARTS = 2_000
/** Maximum number of missing parts that a response lists. */
const MAX_NAMED = 100

/** A descriptor in a manifest. */
interface Part extends Descriptor {
  /** `any` for an index's entry of another media type: a manifest if there is one, else a blob. */
  readonly kind: 'blob' | 'manifest' | 'any'
  /** True if the repository need not have it: it has URLs of other places, or may not be distributed. */
  readonly isOptional: boolean
}

/** Returns the distinct digests of config, layers and children, without the subject, which may be pushed later or never. */
export const referencesOf = (manifest: Manifest): readonly Digest[] => [
  ...new Set(descriptorsOf(manifest).map(({ digest }) => digest)),
]

const descriptorsOf = (manifest: Manifest): readonly Descriptor[] =>
  manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers]

const partsOf = (manifest: Manifest): readonly Part[] =>
  manifest.kind === 'index'
    ? manifest.manifests.map((child) => ({
        ...child,
        // BuildKit stores a build cache as an index of layers
        kind: isManifestType(child.mediaType) ? 'manifest' : 'any',
        isOptional: child.urls !== undefined,
      }))
    : [
        { ...manifest.config, kind: 'blob', isOptional: false },
        ...manifest.layers.map(
          (layer): Part => ({
            ...layer,
            kind: 'blob',
            isOptional: layer.urls !== undefined || isNonDistributableType(layer.mediaType),
          }),
        ),
      ]

/** Checks that a repository has the parts of a manifest that is pushed to it. */
export interface ManifestParts {
  /**
   * Throws OciError: MANIFEST_BLOB_UNKNOWN with an entry for each missing part, MANIFEST_INVALID when a part's size
   * differs from the manifest's. `repositoryId` is undefined for a repository that does not exist: it has no parts.
   */
  require(repositoryId: number | undefined, manifest: Manifest): void
  /** Returns the blobs that the repository does not have. */
  missingBlobs(repositoryId: number, manifest: Manifest): readonly Digest[]
}

export function createManifestParts(db: Database, content: Content): ManifestParts {
  const manifestSize = db.prepare<{ size: number }>(
    `select length(i.manifest) as size from repository_manifests m join images i on i.id = m.image_id
     where m.repository_id = ? and m.digest = ?`,
  )

  const sizeOf = (repositoryId: number, { kind, digest }: Part): number | undefined => {
    const asManifest = kind === 'blob' ? undefined : manifestSize.get(repositoryId, digest)?.size
    return asManifest ?? (kind === 'manifest' ? undefined : content.blob(repositoryId, digest)?.size)
  }

  return {
    require(repositoryId, manifest) {
      const sizes = new Map<Digest, number | undefined>()
      const missing = new Set<Digest>()
      for (const part of partsOf(manifest)) {
        const { digest, size } = part
        if (!sizes.has(digest)) {
          if (sizes.size === MAX_PARTS) throw tooManyParts()
          sizes.set(digest, repositoryId === undefined ? undefined : sizeOf(repositoryId, part))
        }
        const found = sizes.get(digest)
        if (found === undefined) {
          if (!part.isOptional) missing.add(digest)
        } else if (found !== size) {
          throw new OciError(
            'MANIFEST_INVALID',
            `${digest} has ${found} bytes, not ${size} as in the manifest`,
            {
              detail: { digest, size: found },
            },
          )
        }
      }
      if (missing.size > 0) throw partsUnknown([...missing])
    },

    missingBlobs: (repositoryId, manifest) =>
      partsOf(manifest)
        .slice(0, MAX_PARTS)
        .filter((part) => part.kind === 'blob' && sizeOf(repositoryId, part) === undefined)
        .map(({ digest }) => digest),
  }
}

const tooManyParts = (): OciError =>
  new OciError('MANIFEST_INVALID', `the manifest has too many parts: the maximum is ${MAX_PARTS}`)

/** Error that lists the parts to push first. Source: OCI distribution-spec, error code MANIFEST_BLOB_UNKNOWN. */
export const partsUnknown = (digests: readonly Digest[]): OciError =>
  new OciError('MANIFEST_BLOB_UNKNOWN', `${digests.length} parts of the manifest are not in the repository`, {
    entries: digests.slice(0, MAX_NAMED).map((digest) => ({
      message: `${digest} is not in this repository: push it before the manifest`,
      detail: { digest },
    })),
  })
