import type { Digest } from './digest.ts'
import type { Manifest } from './manifest.ts'
import type { StreamName } from './stream-name.ts'
import type { TagName } from './tag.ts'

/** A manifest that a client pushed to a repository of the integrated registry, which has all its parts. */
export interface PushedManifest {
  readonly repository: StreamName
  readonly digest: Digest
  readonly bytes: Uint8Array
  readonly manifest: Manifest
  /** Exact bytes of the config of a container image; null for an index or artifact. */
  readonly config: Uint8Array | null
  /** Tags that point to this image from now on; none for a push by digest, which stores the image only. */
  readonly tags: readonly TagName[]
  /** Milliseconds since 1970. */
  readonly at: number
}
