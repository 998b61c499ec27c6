import type { Logger } from 'pino'
import type { Pruner } from '../collect/images/prune.ts'
import { startPeriodic } from '../concurrency/periodic.ts'
import type { PushLog } from '../events/push-log.ts'
import type { Config } from './config.ts'
import type { Opened } from './opened.ts'

export interface UpkeepParts {
  readonly config: Config
  readonly pruner: Pruner
  readonly pushes: PushLog
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
}

const MINUTE = 60 * 1000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Removes what is too old now, and from then on as often as the configuration says. */
export function keepUp(parts: UpkeepParts, opened: Opened): void {
  pruneRegularly(parts, opened)
  trimRegularly(parts, opened)
}

/** Prunes now and from then on, where the configuration says how often. */
function pruneRegularly({ pruner, config, now, log }: Omit<UpkeepParts, 'pushes'>, opened: Opened): void {
  const { pruneHours, keepTagRevisions, pruneYoungerThanMinutes: keepYoungerThanMinutes } = config
  if (pruneHours === null) return
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

/** Drops what is too old of the push log, now and each hour, where the configuration says what is. */
function trimRegularly({ pushes, config, now, log }: Omit<UpkeepParts, 'pruner'>, opened: Opened): void {
  if (config.pushLogDays === null) return
  const keep = config.pushLogDays * DAY
  const trim = (): unknown => pushes.dropBefore(now() - keep)
  trim()
  const trimLater = (): void => {
    try {
      trim()
    } catch (error) {
      // a full disk, say: the next hour tries again
      log.error({ err: error }, 'the push log could not be trimmed')
    }
  }
  const timer = setInterval(trimLater, HOUR).unref()
  opened.defer(() => clearInterval(timer))
}
