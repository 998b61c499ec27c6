import { mkdir, open, readdir, rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Nobody else on the machine reads blobs past the registry's rules. */
const OWNER_ONLY = 0o700

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code

export const isAbsent = (error: unknown): boolean => codeOf(error) === 'ENOENT'

/** What a file operation gave; undefined where there is no such file. */
export const unlessAbsent = <Result>(operation: Promise<Result>): Promise<Result | undefined> =>
  operation.catch((error: unknown) => {
    if (isAbsent(error)) return undefined
    throw error
  })

/** Makes the folder and those above it, where they are missing. */
export const makeFolder = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: OWNER_ONLY })
}

/** Names that came into the folder or left it are on disk from now on. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Folders that are known to be on disk, name and all: an import of thousands of blobs syncs their parents once. */
export class DurableFolders {
  readonly #known = new Set<string>()

  /** Notes what is in `parent` now. */
  async begin(parent: string): Promise<void> {
    await makeFolder(parent)
    const names = await readdir(parent)
    await syncFolder(parent)
    for (const name of names) this.#known.add(`${parent}/${name}`)
  }

  /** Makes the folder where it is missing; `sync` puts it, with what has come into it by then, on disk. */
  async ensure(folder: string): Promise<{ readonly sync: () => Promise<void> }> {
    if (this.#known.has(folder)) return { sync: () => syncFolder(folder) }
    await makeFolder(folder)
    return {
      sync: async () => {
        // also where the folder was there: who made it may not have synced its parent yet
        await Promise.all([syncFolder(folder), syncFolder(dirname(folder))])
        this.#known.add(folder)
      },
    }
  }
}

const NOT_EMPTY = new Set(['ENOTEMPTY', 'EEXIST', 'ENOENT'])

/** Removes the folder and those above it, up to but not including `root`, as far as nothing is in them. */
export async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  for (let at = folder; at !== root; at = dirname(at)) {
    try {
      await rmdir(at)
    } catch (error) {
      if (NOT_EMPTY.has(codeOf(error) ?? '')) return
      throw error
    }
  }
}
