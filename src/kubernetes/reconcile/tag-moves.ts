import { startPeriodic } from '../../concurrency/periodic.ts'
import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { ChangeLog } from '../../events/change-log.ts'
import { type DueRows, tagOf } from './due-rows.ts'
import type { ImageOfTag } from './source-images.ts'

export interface TagMovesDependencies {
  readonly changeLog: Pick<ChangeLog, 'head' | 'readEntries' | 'onAppend'>
  readonly due: Pick<DueRows, 'areAny' | 'markFollowers' | 'following' | 'mark'>
  readonly imageOf: ImageOfTag
  /** Called after workloads of a cluster became due. */
  readonly onDue: (clusterId: number) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/** Entries of the log, or containers, that are read at a time. */
const PART = 200
/** Milliseconds between two comparisons of everything. */
const COMPARE_ALL = 3_600_000

/**
 * Starts to make workloads due whose tags have changed. Positions in the log are not stored: at the start, and each hour, the
 * image of each container is compared with that of its tag. Disposing of it stops it.
 */
export function startTagMoves({
  changeLog,
  due,
  imageOf,
  onDue,
  now,
  onError,
}: TagMovesDependencies): Disposable {
  let position = changeLog.head()
  let isReading = false
  let isStopped = false
  const notify = (clusterIds: ReadonlySet<number>): void => {
    for (const id of clusterIds) onDue(id)
  }

  const read = async (): Promise<void> => {
    while (!isStopped) {
      // a workload that is found later is compared with its tags then
      if (!due.areAny()) position = changeLog.head()
      const before = Math.min(position + PART, changeLog.head()) + 1
      if (before === position + 1) {
        // what is appended from now on starts another read
        isReading = false
        return
      }
      const entries = changeLog.readEntries({ after: position, before, limit: PART })
      const changed = new Map(
        entries.map(({ namespace, imageStreamName: name, tag }) => [
          `${namespace}/${name}:${tag ?? ''}`,
          { stream: { namespace, name }, tag },
        ]),
      )
      for (const tag of changed.values()) notify(due.markFollowers(tag))
      position = before - 1
      await yieldToEventLoop()
    }
  }
  const readSoon = async (): Promise<void> => {
    if (isReading) return
    isReading = true
    try {
      await yieldToEventLoop()
      await read()
    } catch (error) {
      isReading = false
      onError(error)
    }
  }
  const compareAll = async (): Promise<void> => {
    for (let after = 0; !isStopped; ) {
      const containers = due.following(after, PART)
      const last = containers.at(-1)
      if (!last) return
      // the containers of the last workload may be cut off: it is read again, unless it is alone
      const isAlone = containers[0]?.workloadId === last.workloadId
      after = isAlone || containers.length < PART ? last.workloadId : last.workloadId - 1
      const behind = containers.filter((container) => {
        const tag = tagOf(container)
        const image = tag && imageOf(tag)
        return image !== undefined && image !== container.image
      })
      if (behind.length > 0) notify(due.mark(behind.map(({ workloadId }) => workloadId)))
      await yieldToEventLoop()
    }
  }

  const unlisten = changeLog.onAppend(() => void readSoon())
  const periodic = startPeriodic({ intervalMs: COMPARE_ALL, now, run: compareAll, onError })
  return {
    [Symbol.dispose]() {
      isStopped = true
      unlisten()
      periodic[Symbol.dispose]()
    },
  }
}
