import type { Viewer } from '../../access/right/viewer.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { BlobCopyProgress } from './blob-copy-progress.ts'
import type { CopiedBlob, CopiedManifest, ImageTree, ImageTreeOptions } from './image-tree.ts'
import type { MirroredImage } from './mirroring.ts'

/** An image whose manifests are read. */
export interface ReadImage {
  readonly digest: Digest
  readonly tree: ImageTree
}

/** A copy in progress, for its reports and its last write. */
export interface CopyObserver {
  /** Returns the principal that requested the copy, with its rights now. */
  readonly viewer: () => Viewer
  readonly progress: BlobCopyProgress
  readonly signal: AbortSignal
  /** Called when the manifests are read. */
  onRead(image: ReadImage): void
  /** Called in the transaction that records the copy: for a stream the one that moves the tag. */
  onStored(tx: Transaction, outcome: CopyOutcome): void
}

/** The image, and whether the destination has changed. */
export interface CopyOutcome {
  readonly digest: Digest
  readonly state: 'COPIED' | 'UNCHANGED'
}

/** A repository that gets images: of a stream, or of another registry. */
export interface ImageTarget {
  /** Limits of what it stores. */
  readonly limits: ImageTreeOptions
  /** Reports whether it is known to have the image, and the tag that points to it, before the manifests are read. */
  isCurrent(image: MirroredImage, digest: Digest): Promise<boolean>
  /** Returns the blobs that it does not have. */
  missing(image: ReadImage, from: MirroredImage): Promise<readonly CopiedBlob[]>
  /** Makes it have all of the image, then points the tag to it, and calls `onStored`. */
  store(image: ReadImage, from: MirroredImage): Promise<void>
}

/** Returns the manifests with the image itself last: when its tag moves, everything that belongs to it is there. */
export function inOrder({ digest, tree }: ReadImage): readonly CopiedManifest[] {
  const isRoot = (one: CopiedManifest): boolean => one.digest === digest
  return [...tree.manifests.filter((one) => !isRoot(one)), ...tree.manifests.filter(isRoot)]
}
