import type { Pruner } from '../collect/images/prune.ts'
import { startPeriodic } from '../concurrency/periodic.ts'
import type { PushLog } from '../events/push-log.ts'
import { DAY, HOUR, type SharedParts } from './parts.ts'

/** Starts the periodic removal of old history, images and pushes that the configuration asks for. */
export function startUpkeep(
  { config, now, log, opened }: SharedParts,
  { pruner, pushes }: { readonly pruner: Pruner; readonly pushes: PushLog },
): void {
  const { pruneHours, keepTagRevisions, pruneYoungerThanMinutes, pushLogDays } = config
  if (pruneHours !== null) {
    const kept = { keepTagRevisions, keepYoungerThanMinutes: pruneYoungerThanMinutes }
    opened.use(
      startPeriodic({
        intervalMs: pruneHours * HOUR,
        now,
        async run() {
          const { events, images, freedBytes } = await pruner.prune(kept)
          log.info({ events, images, freedBytes }, 'pruned')
        },
        onError: (error) => log.error({ err: error }, 'pruning failed'),
      }),
    )
  }
  if (pushLogDays !== null) {
    const stopping = new AbortController()
    opened.defer(() => stopping.abort())
    opened.use(
      startPeriodic({
        intervalMs: HOUR,
        now,
        run: () => pushes.dropBefore(now() - pushLogDays * DAY, stopping.signal),
        onError: (error) => stopping.signal.aborted || log.error({ err: error }, 'cannot trim the push log'),
      }),
    )
  }
}
