import { statSync } from 'node:fs'
import { startPeriodic } from '../../concurrency/periodic.ts'
import { type Database, type OpenOptions, openDatabase } from '../../db/open.ts'
import { openCopy } from '../../db/read-only-copy.ts'
import type { Problem } from '../../health/problem.ts'
import type { StorageProbe } from '../../health/storage-probe.ts'
import type { SharedParts } from '../parts.ts'

/** A write on a server that started while its disk accepted none. */
class ReadOnlyStartError extends Error {
  override readonly name = 'ReadOnlyStartError'
  /** `STORAGE_FULL` or `STORAGE_READ_ONLY`. */
  readonly code: string

  constructor({ reason, message }: Problem) {
    super(message)
    this.code = reason
  }
}

/** An open database, which every part of the server shares. */
export interface OpenStore {
  readonly db: Database
  /** Called when all parts are open: a copy accepts no writes from then on. */
  start(): void
}

interface StoreParts extends Pick<SharedParts, 'opened' | 'log'> {
  readonly storage: StorageProbe
  /** Why the database itself cannot be opened: a copy is; undefined as usual. */
  readonly problem: Problem | undefined
  /** Called once when a server with a copy should start again with the database itself. */
  readonly onWritable: () => void
  readonly reports: Omit<OpenOptions, 'files'>
}

/** Opens the database; with a problem a copy, which can be read. Rejects as `openDatabase`, and when there is no room for a copy. */
export async function openStore(file: string, parts: StoreParts): Promise<OpenStore> {
  const { storage, problem, opened, log, onWritable, reports } = parts
  if (!problem) return { db: opened.use(openDatabase(file, reports)), start() {} }
  const { db, stopWrites } = await openCopy(file, () => new ReadOnlyStartError(problem), reports)
  opened.use(db)
  const { reason } = problem
  log.warn({ reason }, 'the disk accepts no writes: serving a copy of the database, for reads alone')
  const start = (): void => {
    stopWrites()
    const waiting = opened.use(
      startPeriodic({
        intervalMs: 1_000,
        now: () => performance.now(),
        run() {
          if (storage.problem()) return
          waiting[Symbol.dispose]()
          onWritable()
        },
        onError: (error) => log.error({ err: error }, 'cannot start again'),
      }),
    )
  }
  return { db, start }
}

/** Errors of a disk that accepts no writes: SQLite reports most of them as an error of input and output. */
const OF_DISK = /^(?:ENOSPC|EDQUOT|EROFS|STORAGE_\w+|SQLITE_(?:FULL|READONLY|CANTOPEN|IOERR)\w*)$/

/**
 * Returns why the disk accepts no writes, if that ended a start and the database can be read; undefined for any other error.
 */
export async function readOnlyProblem(
  error: unknown,
  file: string,
  storage: Pick<StorageProbe, 'refresh' | 'problem'>,
): Promise<Problem | undefined> {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!OF_DISK.test(String('code' in cause ? cause.code : ''))) continue
    await storage.refresh()
    const problem = storage.problem()
    const isReadable = (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0
    return isReadable && /^STORAGE_(?:FULL|READ_ONLY)$/.test(problem?.reason ?? '') ? problem : undefined
  }
  return undefined
}
