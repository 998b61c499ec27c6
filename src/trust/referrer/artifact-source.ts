import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'

/** A repository, and how it is asked. */
export interface Place {
  readonly registry: string
  readonly repository: string
  /** Plain HTTP or a certificate that does not verify is acceptable here. */
  readonly insecure: boolean
  /** By whose credentials; null for the server's own. */
  readonly namespace: string | null
}

/** Repositories of other registries, or of this server's own; `app-trust.ts` joins them. */
export interface ArtifactSources {
  /** Asks nothing yet. */
  open(place: Place, signal: AbortSignal): ArtifactSource
}

/** What a repository says is about a manifest. */
export interface Listing {
  readonly descriptors: readonly Descriptor[]
  /** `TAG`: kept by clients under a tag of the digest's name, where the registry has no list of its own. */
  readonly source: 'API' | 'TAG'
  /** False when there are more than were read. */
  readonly isComplete: boolean
}

/** What is attached to images of one repository. Every method throws RegistryError, or the signal's reason. */
export interface ArtifactSource {
  listReferrers(subject: Digest, artifactType: string | null): Promise<Listing>
  digestOfTag(tag: TagName): Promise<Digest | null>
  /** The exact bytes, verified against the digest. */
  fetchManifest(digest: Digest): Promise<{ readonly bytes: Uint8Array; readonly contentType: string }>
  /** The exact bytes, verified against the digest. */
  fetchAttachment(descriptor: Pick<Descriptor, 'digest' | 'size'>, maxBytes: number): Promise<Uint8Array>
}
