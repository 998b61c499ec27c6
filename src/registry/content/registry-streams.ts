import type { Viewer } from '../../access/right/viewer.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Deletion, PushedManifest } from '../../oci/manifest.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'

/** Image streams, as the registry changes and reads them; `app/registry.ts` connects it to `imagestream`. */
export interface RegistryStreams {
  /** Stores the image, creates the stream if it does not exist, and points its tags to the image after `onStored`. */
  recordPush(
    tx: Transaction,
    viewer: Viewer,
    push: PushedManifest,
    onStored: (stored: { readonly imageId: number; readonly streamId: number }) => void,
  ): void
  /** Removes tags with their history, and their spec tags. */
  removeTags(tx: Transaction, viewer: Viewer, streamId: number, tags: readonly TagName[]): void
  /** Throws ForbiddenError where one of the tags, which need content of the stream, is protected from the viewer. */
  requireRemovable(viewer: Viewer, streamId: number, tags: () => readonly TagName[]): void
  /** Records that the viewer deletes a tag, a manifest or a blob, named as in the request. */
  recordDeletion(tx: Transaction, viewer: Viewer, deletion: Deletion): void
  /** Returns the stream's tags that point to the image, by name. */
  tagsOfImage(streamId: number, imageId: number): readonly TagName[]
  /** Reports whether there is a stream of this name that is not deleted. */
  exists(stream: StreamName): boolean
  /** Reports whether the tag of the stream points to an image. */
  hasImage(stream: StreamName, tag: string): boolean
}
