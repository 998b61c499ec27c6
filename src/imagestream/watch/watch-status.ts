import type { RepositoryWatchRow, WatchRows } from './watch-rows.ts'

/** How the repository of a stream is checked. Times are milliseconds since 1970. */
export interface WatchStatus
  extends Pick<RepositoryWatchRow, 'vendor' | 'checkedAt' | 'checkedBy' | 'sweptAt' | 'setAsideUntil'> {
  /** When the next full scan is due; null where every import is one. */
  readonly nextSweepAt: number | null
}

/** A condition of a stream, as in Kubernetes. */
export interface StreamCondition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  /** Milliseconds since 1970. */
  readonly lastTransitionTime: number
  /** Generation of the spec to which it applies. */
  readonly generation: number
}

export type RepositoryWatches = ReturnType<typeof createRepositoryWatches>

export function createRepositoryWatches({
  watches,
  fullSweepMs,
}: {
  readonly watches: WatchRows
  readonly fullSweepMs: number
}) {
  return {
    /** Has no entry for a stream whose repository was not checked since it changed. */
    statusOf(streamIds: readonly number[]): Map<number, WatchStatus> {
      const statuses = new Map<number, WatchStatus>()
      for (const [id, row] of watches.ofStreams(streamIds)) {
        const { vendor, checkedAt, checkedBy, sweptAt, setAsideUntil, reason } = row
        const isUsed = vendor !== null && reason === null && fullSweepMs > 0
        const nextSweepAt = isUsed && sweptAt !== null ? sweptAt + fullSweepMs : null
        statuses.set(id, { vendor, checkedAt, checkedBy, sweptAt, setAsideUntil, nextSweepAt })
      }
      return statuses
    },
    /** Has no entry for a stream without a failure. */
    conditionsOf(streamIds: readonly number[]): Map<number, StreamCondition[]> {
      const conditions = new Map<number, StreamCondition[]>()
      for (const [id, { reason, message, failingSince, generation }] of watches.ofStreams(streamIds)) {
        if (reason === null) continue
        conditions.set(id, [
          {
            type: 'VendorListing',
            status: 'False',
            reason,
            message: message ?? '',
            lastTransitionTime: failingSince ?? 0,
            generation,
          },
        ])
      }
      return conditions
    },
  }
}
