import { type FileHandle, open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { startPeriodic } from '../concurrency/periodic.ts'
import { storageFailure } from '../input/storage-failure.ts'
import { type Problem, problemOf } from './problem.ts'

/** Name of the file that is written; one from before a crash is replaced. */
const FILE = '.imagestreams-probe'
const CONTENT = Buffer.alloc(64 * 1024)
/** Milliseconds after which a probe without a result counts as a failure: a network disk may never respond. */
const LATE = 15_000

interface StorageProbeOptions {
  /** Folders that the server writes to; the free space is that of the first. */
  readonly folders: readonly string[]
  /** Milliseconds between two probes. */
  readonly intervalMs?: number
  /** Milliseconds between two probes that follow failed writes. */
  readonly minimumMs?: number
  /** Milliseconds, monotonic. */
  readonly now?: () => number
}

/** Bytes of the file system that has the data folder. */
export interface DiskSpace {
  /** Bytes that this process may still write. */
  readonly free: number
  readonly size: number
}

/** Finds out whether the disk accepts writes, by writing to it. */
export type StorageProbe = ReturnType<typeof createStorageProbe>

export function createStorageProbe({
  folders,
  intervalMs = 5_000,
  minimumMs = 1_000,
  now = () => performance.now(),
}: StorageProbeOptions) {
  let found: Problem | undefined
  let space: DiskSpace | undefined
  let startedAt = Number.NEGATIVE_INFINITY
  let running: Promise<void> | undefined

  const run = async (): Promise<void> => {
    startedAt = now()
    const [problem, measured] = await Promise.all([probe(folders), measure(folders[0] ?? '.')])
    found = problem
    space = measured ?? space
  }
  /** Probes now; callers at the same time share one probe. */
  const refresh = (): Promise<void> => {
    running ??= run().finally(() => {
      running = undefined
    })
    return running
  }
  let probing: Disposable | undefined

  return {
    refresh,
    /** Probes now, once the folders exist, and then periodically until it is disposed of. */
    async start(): Promise<void> {
      await refresh()
      // what fails is the result
      probing = startPeriodic({ intervalMs, firstDelayMs: intervalMs, now, run: refresh, onError: () => {} })
    },
    /** Returns why the disk does not accept writes, as of the last probe. */
    problem(): Problem | undefined {
      const isLate = running !== undefined && now() - startedAt > LATE
      return isLate ? problemOf('STORAGE_FAILS', 'it does not respond') : found
    },
    /** Returns the space on the disk, as of the last probe; undefined before the first. */
    space: (): DiskSpace | undefined => space,
    /** Probes soon after a write that failed. */
    writeFailed(): void {
      if (now() - startedAt >= minimumMs) void refresh()
    },
    [Symbol.dispose]: () => probing?.[Symbol.dispose](),
  }
}

/** Writes to each folder. Returns why the first of those that fail does not accept it. */
async function probe(folders: readonly string[]): Promise<Problem | undefined> {
  for (const folder of folders) {
    try {
      await write(join(folder, FILE))
    } catch (error) {
      return problemOfError(error)
    }
  }
  return undefined
}

/** Writes, syncs and removes a new file: one that has its blocks already could be written on a full disk too. */
async function write(path: string): Promise<void> {
  let file: FileHandle | undefined
  try {
    await rm(path, { force: true })
    file = await open(path, 'wx', 0o600)
    await file.writeFile(CONTENT)
    await file.datasync()
  } finally {
    await file?.close()
    if (file) await rm(path, { force: true })
  }
}

function problemOfError(error: unknown): Problem | undefined {
  switch (storageFailure(error)) {
    case 'full':
      return problemOf('STORAGE_FULL')
    case 'read-only':
      return problemOf('STORAGE_READ_ONLY')
    case 'descriptors':
      // says nothing about the disk
      return undefined
    default:
      return problemOf('STORAGE_FAILS', (error as NodeJS.ErrnoException).code)
  }
}

async function measure(folder: string): Promise<DiskSpace | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder)
    return { free: bavail * bsize, size: blocks * bsize }
  } catch {
    return undefined
  }
}
