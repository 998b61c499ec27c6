import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { KeyLock } from '../concurrency/bounded.ts'
import { makeFolder, unlessAbsent } from './folders.ts'
import { storageError } from './free-space.ts'

/** Creates the file of an upload. Throws StorageFullError. */
export async function createFile(path: string, at: number, folders: KeyLock): Promise<FileHandle> {
  const create = (): Promise<FileHandle> => open(path, 'wx+', 0o600)
  const createWithFolder = async (): Promise<FileHandle> => {
    await makeFolder(dirname(path))
    return create()
  }
  try {
    const file =
      (await unlessAbsent(create())) ?? (await folders.run(dirname(dirname(path)), createWithFolder))
    // the store's own clock, as after each append
    await file.utimes(at / 1000, at / 1000)
    return file
  } catch (error) {
    throw storageError(error)
  }
}
