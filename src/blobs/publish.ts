import { rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Digest } from '../oci/digest.ts'
import { syncFolder, unlessAbsent } from './folders.ts'
import type { StoreParts } from './parts.ts'
import type { UploadFile } from './upload-file.ts'

export interface Publication {
  readonly digest: Digest
  readonly file: UploadFile
  readonly path: string
  /** Throws when the upload is not wanted any more. */
  readonly throwIfUnwanted: () => void
}

/**
 * Puts verified bytes on the disk under their digest; call it under the digest's lock. Where the blob is there already
 * the upload's file stays where it is, of no more use.
 */
export async function publish(
  { layout, folders }: Pick<StoreParts, 'layout' | 'folders'>,
  { digest, file, path, throwIfUnwanted }: Publication,
): Promise<void> {
  const target = layout.blob(digest)
  const present = await unlessAbsent(stat(target))
  const targetFolder = await folders.ensure(layout.blobFolder(digest))
  // a file of another size is one that the disk has damaged
  const isPresent = present?.isFile() && present.size === file.written
  if (!isPresent) await file.sync()
  throwIfUnwanted()
  if (isPresent) {
    // whoever put it there may have died before this
    await targetFolder.sync()
    return
  }
  await rename(path, target)
  // the old name too: were it there after a power cut, an append to it would change the blob. Its folder is gone where
  // another upload was the last in it.
  await Promise.all([targetFolder.sync(), unlessAbsent(syncFolder(dirname(path)))])
}
