import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Reference } from '../oci/reference.ts'
import type { TagName } from '../oci/tag.ts'

/** What an import needs of the registries that it reads; `app.ts` joins it to the adapter in `remote/`. */
export interface RemoteRegistry {
  /** Opens no connection yet. */
  repository(reference: Pick<Reference, 'registry' | 'repository'>, options: RemoteOptions): RemoteRepository
}

export interface RemoteOptions {
  /** Plain HTTP or a certificate that does not verify is acceptable here. */
  readonly insecure: boolean
  /** Whose work this is: a registry's slots go round between lanes, so that a large import delays no small one. */
  readonly lane: string
  /** For which namespace, by whose credentials; null for the server itself. */
  readonly namespace: string | null
  /** Nobody waits for it: people go first, and the rest of what a registry still gives is kept for them. */
  readonly scheduled?: boolean
  readonly signal: AbortSignal
}

/** One repository of one registry. Every method throws RegistryError, or the signal's reason once it is aborted. */
export interface RemoteRepository {
  /** The legal tag names, page by page as they arrive, each once, in the registry's order. */
  listTags(): AsyncIterable<readonly TagName[]>
  /** What the tag means now; `known` is what it meant when last asked, and makes the question cheaper. */
  resolveTag(tag: TagName, known: Digest | null): Promise<ResolvedTag>
  /** The manifest's exact bytes, verified against the digest. */
  fetchManifest(digest: Digest): Promise<RemoteManifest>
  /** A config's exact bytes, verified against the descriptor's digest. */
  fetchConfig(descriptor: Descriptor): Promise<Uint8Array>
}

export interface ResolvedTag {
  readonly digest: Digest
  /** There when the registry could not tell the digest without sending the manifest. */
  readonly manifest?: RemoteManifest
}

export interface RemoteManifest {
  readonly digest: Digest
  /** As the registry sent it; may be empty or wrong. */
  readonly contentType: string
  readonly bytes: Uint8Array
}
