import { SYSTEM } from '../access/right/viewer.ts'
import type { Pruner } from '../collect/images/prune.ts'
import { startPeriodic } from '../concurrency/periodic.ts'
import type { ChangeLog } from '../events/change-log.ts'
import { DAY, HOUR, type SharedParts } from './parts.ts'

/** Starts the periodic removal of old history, images and pushes that the configuration asks for. */
export function startUpkeep(
  { config, now, log, opened }: SharedParts,
  { pruner, changeLog }: { readonly pruner: Pruner; readonly changeLog: ChangeLog },
): void {
  const { pruneHours, keepTagRevisions, pruneYoungerThanMinutes, changeLogDays } = config
  if (pruneHours !== null) {
    const kept = { keepTagRevisions, keepYoungerThanMinutes: pruneYoungerThanMinutes }
    opened.use(
      startPeriodic({
        intervalMs: pruneHours * HOUR,
        now,
        async run() {
          const { events, images, freedBytes } = await pruner.prune(SYSTEM, kept)
          log.info({ events, images, freedBytes }, 'pruned')
        },
        onError: (error) => log.error({ err: error }, 'pruning failed'),
      }),
    )
  }
  if (changeLogDays !== null) {
    const stopping = new AbortController()
    opened.defer(() => stopping.abort())
    opened.use(
      startPeriodic({
        intervalMs: HOUR,
        now,
        run: () => changeLog.dropBefore(now() - changeLogDays * DAY, stopping.signal),
        onError: (error) =>
          stopping.signal.aborted || log.error({ err: error }, 'cannot trim the change log'),
      }),
    )
  }
}
