import { rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Digest } from '../oci/digest.ts'
import { syncFolder, unlessAbsent } from './folders.ts'
import type { StoreParts } from './parts.ts'
import type { UploadFile } from './upload-file.ts'

/** An upload that becomes a blob. */
export interface Publication {
  readonly digest: Digest
  readonly file: UploadFile
  readonly path: string
  /** Throws when the upload has been discarded. */
  readonly throwIfUnwanted: () => void
}

/**
 * Moves verified bytes to the path of their digest; must be called under the digest's lock. If the blob already exists,
 * leaves the upload's file, which is then unneeded.
 */
export async function publish(
  { layout, folders }: Pick<StoreParts, 'layout' | 'folders'>,
  { digest, file, path, throwIfUnwanted }: Publication,
): Promise<void> {
  const target = layout.blob(digest)
  const present = await unlessAbsent(stat(target))
  const targetFolder = await folders.ensure(layout.blobFolder(digest))
  // a file of another size is damaged
  const isPresent = present?.isFile() && present.size === file.written
  if (!isPresent) await file.sync()
  throwIfUnwanted()
  if (isPresent) {
    // the process that created it may have ended before its sync
    await targetFolder.sync()
    return
  }
  await rename(path, target)
  // the old name too: if it were still there after a power failure, an append to it would change the blob. Its folder is
  // gone when another upload was the last in it.
  await Promise.all([targetFolder.sync(), unlessAbsent(syncFolder(dirname(path)))])
}
