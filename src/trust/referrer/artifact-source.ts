import type { ImageRepository } from '../../imagestream/tag/image-locations.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'

/** Access to repositories of other registries and of the integrated registry. */
export interface ArtifactSources {
  /** Opens a repository without sending a request. */
  open(repository: ImageRepository, signal: AbortSignal): ArtifactSource
}

/** Referrers of a manifest, as a repository lists them. */
export interface ReferrerList {
  readonly descriptors: readonly Descriptor[]
  /** `API` the referrers API; `TAG` the index that clients maintain under a tag where the registry has no such API. */
  readonly source: 'API' | 'TAG'
  /** False when only the first descriptors were read. */
  readonly isComplete: boolean
}

/** Artifacts of one repository. Every method rejects with RegistryError or the signal's reason. */
export interface ArtifactSource {
  listReferrers(subject: Digest, artifactType: string | null): Promise<ReferrerList>
  /** Null for a tag that does not exist. */
  digestOfTag(tag: TagName): Promise<Digest | null>
  /** Resolves to the exact bytes, verified against the digest. */
  fetchManifest(digest: Digest): Promise<{ readonly bytes: Uint8Array; readonly contentType: string }>
  /** Resolves to the exact bytes, verified against the digest. */
  fetchAttachment(descriptor: Pick<Descriptor, 'digest' | 'size'>, maxBytes: number): Promise<Uint8Array>
}
