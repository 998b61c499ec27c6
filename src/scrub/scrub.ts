import type { BlobStore } from '../blobs/blob-store.ts'
import type { Sleep } from '../concurrency/clock.ts'
import { startPeriodic } from '../concurrency/periodic.ts'
import type { DatabaseReport } from '../db/check.ts'
import type { Database } from '../db/open.ts'
import type { Digest } from '../oci/digest.ts'
import { createFindings, type StorageFinding } from './findings.ts'
import { createPasses, type ScrubPass } from './passes.ts'
import { createRepairs, type RepairDependencies } from './repairs.ts'

export interface ScrubDependencies extends Pick<RepairDependencies, 'holdersOf' | 'refetch' | 'now' | 'log'> {
  readonly db: Database
  readonly blobs: Pick<BlobStore, 'inspect' | 'quarantine' | 'quarantined'>
  /** Bytes of blobs that are read in a second; null for no scrub. */
  readonly bytesPerSecond: number | null
  /** Checks all of the database. */
  readonly checkDatabase: (signal: AbortSignal) => Promise<DatabaseReport>
  /** Called when the database is damaged: the process must end. */
  readonly onDamage: (damage: readonly string[]) => void
  readonly sleep: Sleep
}

/** State of the scrub, and what it found. */
export type Scrub = ReturnType<typeof createScrub>

const MINUTE = 60_000
/** Milliseconds between the end of a pass and the start of the next. */
const INTERVAL = 7 * 24 * 60 * MINUTE
/** Milliseconds between two checks of what was found. */
const RECHECK = 10 * MINUTE

/**
 * Creates the scrub: it reads all that is stored, slowly and again and again, and repairs what it can. Disposing ends a pass, which
 * the next start continues.
 */
export function createScrub(dependencies: ScrubDependencies) {
  const { db, blobs, bytesPerSecond, checkDatabase, onDamage, sleep, now, log, holdersOf } = dependencies
  const passes = createPasses(db)
  const findings = createFindings(db)
  const repairs = createRepairs({ ...dependencies, passes, findings })
  const stopping = new AbortController()
  const { signal } = stopping
  const jobs: Disposable[] = []
  let running: Promise<void> | undefined
  /** Bytes that were read since the start. */
  let readBytes = 0

  /** Returns a pace with which one second reads so many bytes. */
  const paceOf =
    (perSecond: number) =>
    async (read: number): Promise<void> => {
      readBytes += read
      await sleep((read / perSecond) * 1_000, signal)
    }

  const checkAllOfDatabase = async (): Promise<void> => {
    const { damage, dangling, content } = await checkDatabase(signal)
    if (damage.length > 0) return onDamage(damage)
    if (dangling.length > 0) log.error({ dangling }, 'rows of the database refer to rows that do not exist')
    repairs.reportContent(content)
  }

  const pass = async (perSecond: number): Promise<void> => {
    const pace = paceOf(perSecond)
    let current = passes.current(now())
    const advance = (changes: Partial<ScrubPass>): void => {
      current = { ...current, ...changes }
      passes.update(current)
    }
    if (current.databaseCheckedAt === null) {
      await checkAllOfDatabase()
      advance({ databaseCheckedAt: now() })
    }
    const next = () => passes.blobsAfter(current.position)
    for (let batch = next(); batch.length > 0; batch = next()) {
      for (const blob of batch) {
        signal.throwIfAborted()
        await repairs.check(blob, signal, pace)
        const [blobCount, size] = [current.blobCount + 1, current.size + blob.size]
        advance({ position: blob.digest, blobCount, size })
      }
    }
    advance({ finishedAt: now() })
    findings.dropOld(now())
    const { blobCount, size } = current
    log.info(
      { blobs: blobCount, bytes: size, findings: findings.open().length },
      'checked all that is stored',
    )
  }

  const stopped = (error: unknown, message: string): void => {
    if (!signal.aborted) log.error({ err: error }, message)
  }

  return {
    /** Runs passes, each a week after the last, and goes on with one that the end of the server interrupted. */
    start(): void {
      if (bytesPerSecond === null) return
      const isInterrupted = () => passes.last()?.finishedAt === null
      jobs.push(
        startPeriodic({
          intervalMs: INTERVAL,
          retryMs: 60 * MINUTE,
          firstDelayMs: MINUTE,
          now,
          lastFinish: () => (isInterrupted() ? undefined : (passes.lastFinished()?.finishedAt ?? undefined)),
          run: () => (running = pass(bytesPerSecond)),
          onError: (error) => stopped(error, 'cannot check what is stored'),
        }),
        startPeriodic({
          intervalMs: RECHECK,
          firstDelayMs: RECHECK,
          now,
          run: () => repairs.recheck(signal),
          onError: (error) => stopped(error, 'cannot check again what was found damaged'),
        }),
      )
    },
    /** Checks a blob that a request has found to be lost. Never rejects. */
    async lost(digest: Digest, size: number): Promise<void> {
      await repairs
        .check({ digest, size }, signal)
        .catch((error: unknown) => stopped(error, 'cannot check stored content'))
    },
    /** Checks everything now. */
    run: (): Promise<void> => (running = pass(bytesPerSecond ?? Number.POSITIVE_INFINITY)),
    /** Checks again what was found. */
    recheck: (): Promise<void> => repairs.recheck(signal),
    view: {
      bytesPerSecond,
      last: passes.last,
      lastFinished: passes.lastFinished,
      totals: passes.totals,
      findings: findings.all,
      holdersOf: ({ digest }: StorageFinding): readonly string[] => holdersOf(digest),
      quarantined: () => blobs.quarantined(),
      /** Figures for metrics. */
      figures: () => ({
        readBytes,
        passBytes: passes.last()?.size ?? 0,
        finishedAt: passes.lastFinished()?.finishedAt ?? null,
        findings: findings.counts(),
      }),
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const job of jobs) job[Symbol.dispose]()
      stopping.abort(new Error('the server stops'))
      await Promise.allSettled([running])
      await repairs.settled()
    },
  }
}
