import { Cron } from 'croner'
import { InvalidInputError, quoted } from '../../input/errors.ts'
import { checkRange } from '../../input/range.ts'

/** A maintenance window: it opens at each time of `cron` and stays open for a number of minutes. */
export interface Window {
  /** Minute, hour, day of month, month and day of week: `30 2 * * SUN`. */
  readonly cron: string
  /** IANA time zone of `cron`: `Europe/Berlin`. */
  readonly timeZone: string
  readonly durationMinutes: number
}

const MAX_CRON_LENGTH = 100
/** Minutes of seven days. */
const MAX_DURATION = 7 * 24 * 60
const MINUTE = 60_000
/** A time zone by name: some runtimes accept offsets such as `+01:00` too. */
const ZONE_NAME = /^[A-Za-z][\w+/-]{0,63}$/
const FIVE_FIELDS = /^\S+(?: \S+){4}$/

/**
 * Returns the times of the expression. A time that the clock skips in spring is moved to the end of the gap, and one that it
 * repeats in autumn counts once. With a wildcard or a step in the minute or hour, skipped times are left out and repeated ones
 * count twice, as in Vixie cron.
 */
const timesOf = ({ cron, timeZone }: Pick<Window, 'cron' | 'timeZone'>): Cron =>
  new Cron(cron, { timezone: timeZone, mode: '5-part', fixedTimeRule: 'no-wildcard' })

/** Returns the window with single spaces in `cron`. Throws InvalidInputError, also for an expression that never occurs. */
export function checkWindow(
  { cron: text, timeZone, durationMinutes }: Window,
  field: string,
  now: number,
): Window {
  const cron = text.trim().replace(/\s+/g, ' ')
  checkTimeZone(timeZone, `${field}.timeZone`)
  const window = {
    cron,
    timeZone,
    durationMinutes: checkRange(`${field}.durationMinutes`, durationMinutes, 1, MAX_DURATION),
  }
  const refuse = (why: string): never => {
    const allowed = 'minute hour day-of-month month day-of-week, such as "30 2 * * SUN"'
    throw new InvalidInputError(
      `${field}.cron`,
      `"${field}.cron" is ${quoted(text)}: ${why}; write ${allowed}`,
    )
  }
  if (cron.length > MAX_CRON_LENGTH) refuse(`it has more than ${MAX_CRON_LENGTH} characters`)
  if (!FIVE_FIELDS.test(cron)) refuse('it must have five fields')
  let next: Date | null
  try {
    next = timesOf(window).nextRun(new Date(now))
  } catch (error) {
    return refuse(error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error))
  }
  if (next === null) refuse('it never occurs')
  return window
}

function checkTimeZone(timeZone: string, field: string): void {
  if (ZONE_NAME.test(timeZone) && isTimeZone(timeZone)) return
  throw new InvalidInputError(
    field,
    `"${field}" is ${quoted(timeZone)}: it must be an IANA time zone, such as "Europe/Berlin" or "UTC"`,
  )
}

function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
    return true
  } catch {
    return false
  }
}

/**
 * Returns when the window opened that is open now, or else when it opens next, in milliseconds since 1970. A window stays open
 * for its minutes of real time, also over a change of the clock.
 */
export function openingOf(window: Window, now: number): number {
  // of the openings that are not over, the first: it is open, or it is the next one
  const opening = timesOf(window).nextRun(new Date(now - window.durationMinutes * MINUTE))
  return opening?.getTime() ?? Number.POSITIVE_INFINITY
}
