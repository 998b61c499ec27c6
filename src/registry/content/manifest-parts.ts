import type { Database } from '../../db/open.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { isNonDistributableType } from '../../oci/media-types.ts'
import { OciError, type OciErrorCode } from '../../oci/oci-error.ts'
import type { Content } from './content.ts'
import { isManifestType } from './manifest-body.ts'

/** Maximum number of distinct parts of a manifest: more than any image has, and each is a row of one transaction. */
export const MAX_PARTS = 2_000
/** Maximum number of missing parts that a response lists. */
const MAX_NAMED = 100

/** A descriptor in a manifest. */
export interface Part extends Descriptor {
  /** `any` for an index's entry of another media type: a manifest if there is one, else a blob. */
  readonly kind: 'blob' | 'manifest' | 'any'
  /** True if the repository need not have it: it has URLs of other places, or may not be distributed. */
  readonly isOptional: boolean
}

/** Returns the columns of a link that come from the manifest itself. */
export const linkColumnsOf = (manifest: Manifest) => ({
  subject: manifest.subject?.digest ?? null,
  artifactType: artifactTypeOf(manifest),
  references: referencesOf(manifest),
})

/** Returns the artifact type for lists of referrers. Source: OCI distribution-spec, listing referrers. */
export const artifactTypeOf = (manifest: Manifest): string | null =>
  manifest.artifactType ?? (manifest.kind === 'image' ? manifest.config.mediaType : null)

/** Returns the distinct digests of config, layers and children, without the subject, which may be pushed later or never. */
const referencesOf = (manifest: Manifest): readonly Digest[] => [
  ...new Set(partsOf(manifest).map(({ digest }) => digest)),
]

/** Returns the config and layers of an image, or the children of an index. */
export const partsOf = (manifest: Manifest): readonly Part[] =>
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

/** Returns the error for a manifest that has more parts than this registry handles. */
export const tooManyParts = (code: OciErrorCode): OciError =>
  new OciError(code, `the manifest has too many parts: the maximum is ${MAX_PARTS}`)

/** Creates the check that a repository has the parts of a manifest that is pushed to it. */
export function createManifestParts(db: Database, content: Content) {
  const manifestSize = db.prepare<{ size: number }>(
    `select length(i.manifest) as size from repository_manifests m join images i on i.id = m.image_id
     where m.repository_id = ? and m.digest = ?`,
  )

  const sizeOf = (repositoryId: number, { kind, digest }: Part): number | undefined => {
    const asManifest = kind === 'blob' ? undefined : manifestSize.get(repositoryId, digest)?.size
    return asManifest ?? (kind === 'manifest' ? undefined : content.blob(repositoryId, digest)?.size)
  }

  return {
    /**
     * Throws OciError: MANIFEST_BLOB_UNKNOWN with an entry for each missing part, MANIFEST_INVALID when a part's size
     * differs from the manifest's. `repositoryId` is undefined for a repository that does not exist: it has no parts.
     * `omitted` has the parts that may be missing.
     */
    require(repositoryId: number | undefined, manifest: Manifest, omitted?: ReadonlySet<Digest>): void {
      const sizes = new Map<Digest, number | undefined>()
      const missing = new Set<Digest>()
      for (const part of partsOf(manifest)) {
        const { digest, size } = part
        if (!sizes.has(digest)) {
          if (sizes.size === MAX_PARTS) throw tooManyParts('MANIFEST_INVALID')
          sizes.set(digest, repositoryId === undefined ? undefined : sizeOf(repositoryId, part))
        }
        const found = sizes.get(digest)
        if (found === undefined) {
          if (!part.isOptional && !omitted?.has(digest)) missing.add(digest)
        } else if (found !== size) {
          const message = `${digest} has ${found} bytes, not ${size} as in the manifest`
          throw new OciError('MANIFEST_INVALID', message, { detail: { digest, size: found } })
        }
      }
      if (missing.size > 0) throw partsUnknown([...missing])
    },

    /** Returns the blobs that the repository has, each once. */
    blobs(repositoryId: number, manifest: Manifest): { readonly digest: Digest; readonly size: number }[] {
      const parts = new Map(partsOf(manifest).map((part) => [part.digest, part]))
      return [...parts.values()].flatMap(({ kind, digest }) => {
        const blob = kind === 'manifest' ? undefined : content.blob(repositoryId, digest)
        return blob ? [{ digest, size: blob.size }] : []
      })
    },

    /** Returns the blobs that the repository does not have. */
    missingBlobs: (repositoryId: number, manifest: Manifest): readonly Digest[] =>
      partsOf(manifest)
        .slice(0, MAX_PARTS)
        .filter((part) => part.kind === 'blob' && sizeOf(repositoryId, part) === undefined)
        .map(({ digest }) => digest),
  }
}

/** Returns the error that lists the parts to push first. Source: OCI distribution-spec, error code MANIFEST_BLOB_UNKNOWN. */
export const partsUnknown = (digests: readonly Digest[]): OciError =>
  new OciError('MANIFEST_BLOB_UNKNOWN', `${digests.length} parts of the manifest are not in the repository`, {
    entries: digests.slice(0, MAX_NAMED).map((digest) => ({
      message: `${digest} is not in this repository: push it before the manifest`,
      detail: { digest },
    })),
  })
