import { readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '../oci/digest.ts'
import { makeDurableFolder, syncFolder, unlessAbsent } from './folders.ts'
import { identityOf } from './inspect.ts'
import type { StoreParts } from './parts.ts'

/**
 * Moves the file of a damaged blob to the quarantine folder, where nothing reads or removes it. Returns its name there; undefined
 * when another file has taken its place since the inspection.
 */
export async function quarantineBlob(
  { layout, locks, now }: Pick<StoreParts, 'layout' | 'locks' | 'now'>,
  digest: Digest,
  file: string,
): Promise<string | undefined> {
  const path = layout.blob(digest)
  return await locks.run(digest, async () => {
    const status = await unlessAbsent(stat(path, { bigint: true }))
    if (!status || identityOf(status) !== file) return undefined
    await makeDurableFolder(layout.quarantine)
    // each find has a file of its own, also of the same blob
    const name = `${digest.replace(':', '-')}-${now()}`
    await rename(path, join(layout.quarantine, name))
    await Promise.all([syncFolder(layout.quarantine), syncFolder(layout.blobFolder(digest))])
    return name
  })
}

/** Returns the number of files in quarantine, and their bytes. */
export async function quarantined(
  folder: string,
): Promise<{ readonly count: number; readonly size: number }> {
  const names = (await unlessAbsent(readdir(folder))) ?? []
  const sizes = await Promise.all(
    names.map(async (name) => (await unlessAbsent(stat(join(folder, name))))?.size ?? 0),
  )
  return { count: names.length, size: sizes.reduce((sum, size) => sum + size, 0) }
}
