import type { Transaction } from '../../db/transact.ts'
import type { PushedManifest } from '../../oci/manifest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { RepositoryName } from '../protocol/repository-name.ts'

/** Image streams, as the registry changes and reads them; `app/registry.ts` connects it to `imagestream`. */
export interface RegistryStreams {
  /** Stores the image, creates the stream if it does not exist, and points its tags to the image. */
  recordPush(tx: Transaction, push: PushedManifest): { readonly imageId: number; readonly streamId: number }
  /** Removes tags with their history, and their spec tags. */
  removeTags(tx: Transaction, streamId: number, tags: readonly TagName[]): void
  /** Returns the stream's tags that point to the image, by name. */
  tagsOfImage(streamId: number, imageId: number): readonly TagName[]
  /** Reports whether the tag of the stream points to an image. */
  hasImage(stream: RepositoryName, tag: string): boolean
}
