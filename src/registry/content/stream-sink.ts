import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { RepositoryName } from '../protocol/repository-name.ts'

/** A manifest whose parts are all in the repository. */
export interface PushedManifest {
  readonly repository: RepositoryName
  readonly digest: Digest
  readonly bytes: Uint8Array
  readonly manifest: Manifest
  /** The config's exact bytes, of a container image; null for an index or artifact. */
  readonly config: Uint8Array | null
  /** The tags that mean this image from now on; none for a push by digest. */
  readonly tags: readonly TagName[]
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What the registry needs of image streams, inside its own transactions; `app.ts` joins them. */
export interface StreamSink {
  /** Keeps the image, creates the stream where there is none, and moves its tags. */
  pushed(tx: Transaction, push: PushedManifest): { readonly imageId: number; readonly streamId: number }
  /** Removes tags with their history, and what the stream's spec says of them. */
  untagged(tx: Transaction, streamId: number, tags: readonly TagName[]): void
}
