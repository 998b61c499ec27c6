import type { Logger } from 'pino'
import type { Pruner } from '../collect/images/prune.ts'
import { startPeriodic } from '../concurrency/periodic.ts'
import type { PushLog } from '../events/push-log.ts'
import type { Config } from './config.ts'
import type { Opened } from './opened.ts'

export interface UpkeepParts {
  readonly config: Pick<Config, 'pruneHours' | 'keepTagRevisions' | 'pruneYoungerThanMinutes' | 'pushLogDays'>
  readonly pruner: Pruner
  readonly pushes: PushLog
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
}

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

/** Starts the periodic removal of old history, images and pushes that the configuration asks for. */
export function startUpkeep({ config, pruner, pushes, now, log }: UpkeepParts, opened: Opened): void {
  const {
    pruneHours,
    keepTagRevisions,
    pruneYoungerThanMinutes: keepYoungerThanMinutes,
    pushLogDays,
  } = config
  if (pruneHours !== null) {
    opened.use(
      startPeriodic({
        intervalMs: pruneHours * HOUR,
        now,
        async run() {
          const { events, images, bytes } = await pruner.prune({ keepTagRevisions, keepYoungerThanMinutes })
          log.info({ events: events.total, images: images.total, bytes }, 'pruned')
        },
        onError: (error) => log.error({ err: error }, 'pruning failed'),
      }),
    )
  }
  if (pushLogDays !== null) {
    opened.use(
      startPeriodic({
        intervalMs: HOUR,
        now,
        run: () => pushes.dropBefore(now() - pushLogDays * DAY),
        onError: (error) => log.error({ err: error }, 'cannot trim the push log'),
      }),
    )
  }
}
