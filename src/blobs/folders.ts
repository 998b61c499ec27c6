import { mkdir, open, readdir, rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Other users of the machine cannot read blobs without the registry's checks. */
const OWNER_ONLY = 0o700

/** Returns the code of a system error. */
export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code

/** Resolves as the file operation, or with undefined when the file does not exist. */
export const unlessAbsent = <Result>(operation: Promise<Result>): Promise<Result | undefined> =>
  operation.catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })

/** Creates the folder and its parents if they do not exist, and syncs the parents that got a new name. */
export async function makeDurableFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: OWNER_ONLY })
  if (first === undefined) return
  for (let at = dirname(folder); ; at = dirname(at)) {
    await syncFolder(at)
    if (at === dirname(first)) return
  }
}

/** Creates the folder and its parents if they do not exist. */
export const makeFolder = async (folder: string): Promise<void> => {
  try {
    await mkdir(folder, { recursive: true, mode: OWNER_ONLY })
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    // Node.js also reports this for a read-only file system: one folder at a time has the cause
    await makeOneByOne(folder)
  }
}

async function makeOneByOne(folder: string): Promise<void> {
  const make = async (): Promise<void> => {
    await mkdir(folder, { mode: OWNER_ONLY })
  }
  try {
    await make()
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    if (codeOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error
    await makeOneByOne(dirname(folder))
    await make()
  }
}

/** Syncs a folder, so that names added to or removed from it are on disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Folders whose names are known to be on disk: an import of thousands of blobs syncs their parents once. */
export class DurableFolders {
  readonly #known = new Set<string>()

  /** Creates `parent` if it does not exist, syncs it and its own name, and notes its current folders as durable. */
  async begin(parent: string): Promise<void> {
    await makeFolder(parent)
    const names = await readdir(parent)
    await Promise.all([syncFolder(parent), syncFolder(dirname(parent))])
    for (const name of names) this.#known.add(`${parent}/${name}`)
  }

  /** Creates the folder if it does not exist; `sync` then puts it and its current content on disk. */
  async ensure(folder: string): Promise<{ readonly sync: () => Promise<void> }> {
    if (this.#known.has(folder)) return { sync: () => syncFolder(folder) }
    await makeFolder(folder)
    return {
      sync: async () => {
        // also for an existing folder, whose creator may not have synced its parent yet
        await Promise.all([syncFolder(folder), syncFolder(dirname(folder))])
        this.#known.add(folder)
      },
    }
  }
}

const NOT_EMPTY = new Set(['ENOTEMPTY', 'EEXIST', 'ENOENT'])

/** Removes the folder and its parents below `root` that are empty. */
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
