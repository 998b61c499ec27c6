import type { RepositoryWatchRow, WatchRows } from './watch-rows.ts'

/** How the repository of a stream is watched, for who wants to know. Times are milliseconds since 1970. */
export interface WatchStatus
  extends Pick<RepositoryWatchRow, 'vendor' | 'checkedAt' | 'checkedBy' | 'sweptAt' | 'setAsideUntil'> {
  /** When every tag is asked for again; null where the next import does that in any case. */
  readonly nextSweepAt: number | null
}

/** Something that is so, or not so, about a stream. */
export interface StreamCondition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  /** Milliseconds since 1970. */
  readonly lastTransitionTime: number
  /** Generation of the spec that it is about. */
  readonly generation: number
}

export interface RepositoryWatches {
  /** None of a stream whose repository has not been looked at since it changed. */
  statusOf(streamIds: readonly number[]): Map<number, WatchStatus>
  /** What is wrong with the streams; those with which nothing is are not there. */
  conditionsOf(streamIds: readonly number[]): Map<number, StreamCondition[]>
}

export function createRepositoryWatches({
  watches,
  fullSweepMs,
}: {
  readonly watches: WatchRows
  readonly fullSweepMs: number
}): RepositoryWatches {
  const eachOf = <Made>(
    streamIds: readonly number[],
    make: (row: RepositoryWatchRow) => Made | undefined,
  ): Map<number, Made> =>
    new Map(
      [...watches.ofStreams(streamIds)].flatMap(([id, row]) => {
        const made = make(row)
        return made === undefined ? [] : [[id, made] as const]
      }),
    )

  return {
    statusOf: (streamIds) =>
      eachOf(streamIds, ({ vendor, checkedAt, checkedBy, sweptAt, setAsideUntil, reason }) => {
        const isUsed = vendor !== null && reason === null && fullSweepMs > 0
        const nextSweepAt = isUsed && sweptAt !== null ? sweptAt + fullSweepMs : null
        return { vendor, checkedAt, checkedBy, sweptAt, setAsideUntil, nextSweepAt }
      }),
    conditionsOf: (streamIds) =>
      eachOf(streamIds, ({ reason, message, failingSince, generation }) =>
        reason === null
          ? undefined
          : [
              {
                type: 'VendorListing',
                status: 'False',
                reason,
                message: message ?? '',
                lastTransitionTime: failingSince ?? 0,
                generation,
              },
            ],
      ),
  }
}
