import type { Database } from '../../db/open.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { isNonDistributableType } from '../../oci/media-types.ts'
import { OciError } from '../protocol/errors.ts'
import type { Content } from './content.ts'
import { isManifestType } from './manifest-body.ts'

/** Different parts of one manifest: more than any image has, and each is a row of one transaction. */
export const MAX_PARTS = 2_000
/** Missing parts that an answer names. */
const MAX_NAMED = 100

/** What a manifest names. */
interface Part extends Descriptor {
  /** Whether it is a manifest, a blob, or (a list may hold anything) whatever of the two is there. */
  readonly kind: 'blob' | 'manifest' | 'any'
  /** Whether it may be kept elsewhere. */
  readonly isOptional: boolean
}

/** The digests of config, layers and children, each once. The subject is none of them: it may come later, or never. */
export const referencesOf = (manifest: Manifest): readonly Digest[] => [
  ...new Set(descriptorsOf(manifest).map(({ digest }) => digest)),
]

const descriptorsOf = (manifest: Manifest): readonly Descriptor[] =>
  manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers]

const partsOf = (manifest: Manifest): readonly Part[] =>
  manifest.kind === 'index'
    ? manifest.manifests.map((child) => ({
        ...child,
        // a build cache of BuildKit is an index of layers
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

/** Sees to it that what a manifest names is in the repository that it is pushed to. */
export interface ManifestParts {
  /**
   * Throws OciError: MANIFEST_BLOB_UNKNOWN with an entry for each part that is missing, MANIFEST_INVALID when a part has
   * another size than the manifest says. A repository that does not exist has no parts.
   */
  require(repositoryId: number | undefined, manifest: Manifest): void
  /** The blobs that would be missing. */
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
            `${digest} has ${found} bytes, and the manifest says ${size}`,
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
  new OciError('MANIFEST_INVALID', `a manifest names at most ${MAX_PARTS} different parts`)

/** The refusal that names what has to be pushed first. Source: OCI distribution-spec, error code MANIFEST_BLOB_UNKNOWN. */
export const partsUnknown = (digests: readonly Digest[]): OciError =>
  new OciError('MANIFEST_BLOB_UNKNOWN', `${digests.length} parts of the manifest are not in the repository`, {
    entries: digests.slice(0, MAX_NAMED).map((digest) => ({
      message: `${digest} is named by the manifest and is not in this repository: push it first`,
      detail: { digest },
    })),
  })
