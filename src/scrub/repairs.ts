import type { BlobStore } from '../blobs/blob-store.ts'
import type { Pace } from '../blobs/inspect.ts'
import { SingleFlight } from '../concurrency/single-flight.ts'
import type { Digest } from '../oci/digest.ts'
import type { createFindings, NewFinding, StorageFinding } from './findings.ts'
import type { BlobToCheck, createPasses } from './passes.ts'

/** A log with fields. */
export interface ScrubLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface RepairDependencies {
  readonly blobs: Pick<BlobStore, 'inspect' | 'quarantine'>
  readonly findings: ReturnType<typeof createFindings>
  readonly passes: ReturnType<typeof createPasses>
  /** Returns the tags and repositories that need content. */
  readonly holdersOf: (digest: Digest) => readonly string[]
  /** Fetches a lost blob again. Resolves to null when it is stored, to why not, or to undefined without a known source. */
  readonly refetch: (digest: Digest, size: number, signal: AbortSignal) => Promise<string | null | undefined>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: ScrubLog
}

const AT_ONCE: Pace = async () => {}

/** Creates the records of damaged and lost content, which take it out of the way of clients, and get it again where a source is known. */
export function createRepairs(dependencies: RepairDependencies) {
  const { blobs, findings, passes, holdersOf, refetch, now, log } = dependencies
  const running = new SingleFlight<void>()

  const report = (found: NewFinding): { finding: StorageFinding; isNew: boolean } => {
    const recorded = findings.record(found, now())
    if (recorded.isNew) log.error({ ...found, neededBy: holdersOf(found.digest) }, PROBLEMS[found.problem])
    return recorded
  }

  const end = (finding: StorageFinding, ending: 'FETCHED' | 'REPLACED' | 'REMOVED'): void => {
    findings.update(finding, { endedAt: now(), ending, message: null })
    log.info({ content: finding.content, digest: finding.digest, ending }, ENDINGS[ending])
  }

  const get = async (finding: StorageFinding, signal: AbortSignal): Promise<void> => {
    const message = await refetch(finding.digest, finding.size, signal)
    if (message === null) return end(finding, 'FETCHED')
    findings.update(finding, { message: message ?? null })
  }

  const inspect = async (blob: BlobToCheck, pace: Pace, signal: AbortSignal) => {
    const inspection = await blobs.inspect(blob.digest, blob.size, pace)
    const { problem } = inspection
    if (problem === null) {
      const open = findings.openOf({ content: 'BLOB', digest: blob.digest })
      if (open) end(open, 'REPLACED')
      return
    }
    // it was collected meanwhile
    if (!passes.isStored(blob.digest)) return
    const { finding } = report({ content: 'BLOB', ...blob, problem })
    if (problem !== 'MISSING') {
      const quarantined = await blobs.quarantine(blob.digest, inspection)
      if (quarantined === undefined) return
      findings.update(finding, { quarantined })
    }
    await get(finding, signal)
  }

  /** Inspects a blob, and does what is necessary. */
  const check = (blob: BlobToCheck, signal: AbortSignal, pace = AT_ONCE): Promise<void> =>
    running.run(blob.digest, () => inspect(blob, pace, signal))

  return {
    check,
    /** Records all damaged content of the database, and the end of what was damaged before. */
    reportContent(damaged: readonly Pick<NewFinding, 'content' | 'digest' | 'size'>[]): void {
      for (const found of damaged) report({ ...found, problem: 'DAMAGED' })
      const isDamaged = new Set(damaged.map(({ content, digest }) => `${content} ${digest}`))
      for (const finding of findings.open()) {
        const { content, digest } = finding
        if (content !== 'BLOB' && !isDamaged.has(`${content} ${digest}`)) end(finding, 'REPLACED')
      }
    },
    /** Checks again what was found and has not ended: a push, a pull or a restored file can have replaced it. */
    async recheck(signal: AbortSignal): Promise<void> {
      for (const finding of findings.open()) {
        if (finding.content !== 'BLOB') continue
        signal.throwIfAborted()
        if (!passes.isStored(finding.digest)) end(finding, 'REMOVED')
        else await check(finding, signal)
      }
    },
    /** Resolves when no check runs. */
    settled: (): Promise<unknown> => Promise.allSettled(running.inFlight),
  }
}

const PROBLEMS = {
  MISSING: 'stored content is lost: push it again, unless its source is known',
  TRUNCATED: 'stored content is cut short: push it again, unless its source is known',
  DAMAGED: 'stored content is damaged: push it again, unless its source is known',
  UNREADABLE: 'the disk cannot read stored content: push it again, unless its source is known',
} as const

const ENDINGS = {
  FETCHED: 'lost content was fetched again from its source',
  REPLACED: 'lost content is stored again',
  REMOVED: 'lost content is no longer needed',
} as const
