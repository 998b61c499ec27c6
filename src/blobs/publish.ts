import { rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Digest } from '../oci/digest.ts'
import { syncFolder, unlessAbsent } from './folders.ts'
import type { StoreParts } from './parts.ts'
import type { UploadFile } from './upload-file.ts'

/** Where the bytes of an upload are; a commit moves them. */
export interface UploadPlace {
  path: string
  /** Whether they are at the path of their digest. */
  isPublished: boolean
}

/**
 * Moves verified bytes to the path of their digest, then writes the row of the blob. Replaces an existing file, which may be damaged:
 * its readers can continue. The signal is aborted when the upload is discarded, or the store closes.
 */
export async function publish<Result>(
  { layout, folders, locks }: Pick<StoreParts, 'layout' | 'folders' | 'locks'>,
  upload: { digest: Digest; file: UploadFile; place: UploadPlace; signal: AbortSignal },
  writeRow: () => Promise<Result>,
): Promise<Result> {
  const { digest, file, place, signal } = upload
  const target = layout.blob(digest)

  const move = async (): Promise<void> => {
    const targetFolder = await folders.ensure(layout.blobFolder(digest))
    await file.sync()
    signal.throwIfAborted()
    await rename(place.path, target)
    // the old name too: if it were still there after a power failure, an append to it would change the blob. Its folder is
    // gone when another upload was the last in it.
    await Promise.all([targetFolder.sync(), unlessAbsent(syncFolder(dirname(place.path)))])
  }

  return await locks.run(digest, async () => {
    await move()
    Object.assign(place, { path: target, isPublished: true })
    return await writeRow()
  })
}
