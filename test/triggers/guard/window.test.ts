import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../../src/input/errors.ts'
import { checkWindow, openingOf, type Window } from '../../../src/triggers/guard/window.ts'

const MINUTE = 60_000
const NOW = Date.UTC(2026, 0, 1)
const at = (text: string): number => Date.parse(text)
const berlin = (cron: string, durationMinutes: number): Window => ({
  cron,
  durationMinutes,
  timeZone: 'Europe/Berlin',
})
const utc = (cron: string, durationMinutes: number): Window => ({ cron, durationMinutes, timeZone: 'UTC' })
const isOpen = (window: Window, now: number): boolean => openingOf(window, now) <= now
const nextOf = (window: Window, now: string): string => new Date(openingOf(window, at(now))).toISOString()
const problemOf = (window: Window): unknown => {
  try {
    return checkWindow(window, 'guards.windows.0', NOW)
  } catch (error) {
    return error instanceof InvalidInputError ? [error.field, error.message] : error
  }
}

describe('a maintenance window', () => {
  it.each([
    ['opens at its first millisecond', '2026-03-04T22:00:00.000Z', true],
    ['is closed a millisecond before', '2026-03-04T21:59:59.999Z', false],
    ['is open until its last millisecond, after midnight', '2026-03-05T01:59:59.999Z', true],
    ['is closed when its minutes have passed', '2026-03-05T02:00:00.000Z', false],
  ])('%s', (_, now, open) => {
    expect(isOpen(utc('0 22 * * *', 240), at(now))).toBe(open)
  })

  it('that spans midnight belongs to the day on which it opens', () => {
    const saturdays = utc('0 23 * * SAT', 120)

    expect(isOpen(saturdays, at('2026-03-08T00:30:00Z')), 'Sunday').toBe(true)
    expect(isOpen(saturdays, at('2026-03-07T00:30:00Z')), 'Saturday').toBe(false)
  })

  it('stays open while openings overlap', () => {
    expect(isOpen(utc('*/10 * * * *', 15), at('2026-03-04T12:14:00Z'))).toBe(true)
    expect(isOpen(utc('*/10 * * * *', 10), at('2026-03-04T12:09:59.999Z'))).toBe(true)
  })

  it('of seven days spans a whole week', () => {
    expect(isOpen(utc('0 0 1 * *', 7 * 24 * 60), at('2026-03-07T23:59:00Z'))).toBe(true)
    expect(isOpen(utc('0 0 1 * *', 7 * 24 * 60), at('2026-03-08T00:00:00Z'))).toBe(false)
  })

  it('reports when it opens next', () => {
    expect(nextOf(berlin('30 2 * * SUN', 60), '2026-01-05T12:00:00Z')).toBe('2026-01-11T01:30:00.000Z')
  })

  it('on a leap day waits for the next leap year', () => {
    expect(nextOf(utc('0 4 29 2 *', 60), '2026-03-01T00:00:00Z')).toBe('2028-02-29T04:00:00.000Z')
    expect(nextOf(utc('0 4 29 2 *', 60), '2096-03-01T00:00:00Z')).toBe('2104-02-29T04:00:00.000Z')
  })

  it.each([
    // the clock goes from 02:00 to 03:00 on 29 March
    [
      'at a time that the clock skips opens at the end of the gap',
      '30 2 * * *',
      '2026-03-28T12:00:00Z',
      '2026-03-29T01:00:00.000Z',
    ],
    [
      'on a day with a skipped hour opens at its time before',
      '30 1 * * *',
      '2026-03-28T12:00:00Z',
      '2026-03-29T00:30:00.000Z',
    ],
    [
      'on a day with a skipped hour opens at its time after',
      '30 3 * * *',
      '2026-03-28T12:00:00Z',
      '2026-03-29T01:30:00.000Z',
    ],
    [
      'of several hours moves the skipped one',
      '30 2,14 * * *',
      '2026-03-28T14:00:00Z',
      '2026-03-29T01:00:00.000Z',
    ],
    // the clock goes from 03:00 back to 02:00 on 25 October
    [
      'at a time that occurs twice opens the first time',
      '30 2 * * *',
      '2026-10-24T12:00:00Z',
      '2026-10-25T00:30:00.000Z',
    ],
    [
      'at a time that occurs twice opens once',
      '30 2 * * *',
      '2026-10-25T00:45:00Z',
      '2026-10-26T01:30:00.000Z',
    ],
    [
      'of each half hour opens in both repeated hours',
      '*/30 * * * *',
      '2026-10-25T00:45:00Z',
      '2026-10-25T01:00:00.000Z',
    ],
  ])('%s', (_, cron, now, next) => {
    expect(nextOf(berlin(cron, 1), now)).toBe(next)
  })

  it('is open for its minutes of real time over a change of the clock', () => {
    const spring = berlin('30 1 * * *', 120)
    expect(isOpen(spring, at('2026-03-29T02:29:59Z'))).toBe(true)
    expect(isOpen(spring, at('2026-03-29T02:30:00Z'))).toBe(false)

    const autumn = berlin('30 1 * * *', 120)
    expect(isOpen(autumn, at('2026-10-25T01:29:59Z')), '02:29 for the second time').toBe(true)
    expect(isOpen(autumn, at('2026-10-25T01:30:00Z'))).toBe(false)
  })

  it('depends on the time alone: a clock that is set back opens it again', () => {
    const window = utc('0 22 * * *', 60)
    const times = ['2026-03-04T22:30:00Z', '2026-03-04T23:30:00Z', '2026-03-04T22:30:00Z'].map(at)

    expect(times.map((time) => isOpen(window, time))).toEqual([true, false, true])
  })

  it('of any zone agrees, at any minute, with the clock on the wall there', () => {
    const zones = [
      'UTC',
      'Europe/Berlin',
      'America/New_York',
      'Asia/Kolkata',
      'Australia/Lord_Howe',
      'Pacific/Apia',
    ]
    const step = fc.constantFrom(1, 2, 3, 5, 10, 15, 20, 30)
    const expression = fc.record({ step, hours: fc.constantFrom(1, 2, 3, 4, 6), day: fc.option(fc.nat(6)) })
    const minute = fc.integer({ min: Date.UTC(2024, 0, 1) / MINUTE, max: Date.UTC(2028, 0, 1) / MINUTE })
    const duration = fc.integer({ min: 1, max: 90 })

    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        expression,
        minute,
        duration,
        (timeZone, { step, hours, day }, from, durationMinutes) => {
          const window = { cron: `*/${step} */${hours} * * ${day ?? '*'}`, timeZone, durationMinutes }
          const clock = new Intl.DateTimeFormat('en-US', {
            timeZone,
            hourCycle: 'h23',
            minute: 'numeric',
            hour: 'numeric',
            weekday: 'short',
          })
          const opensAt = (time: number): boolean => {
            const parts = Object.fromEntries(
              clock.formatToParts(time).map(({ type, value }) => [type, value]),
            )
            const isDay =
              day === null || parts.weekday === ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][day]
            return isDay && Number(parts.minute) % step === 0 && Number(parts.hour) % hours === 0
          }
          const now = from * MINUTE
          const openings = Array.from({ length: durationMinutes }, (_, ago) => now - ago * MINUTE)

          expect(isOpen(window, now), `${JSON.stringify(window)} at ${new Date(now).toISOString()}`).toBe(
            openings.some(opensAt),
          )
        },
      ),
      { seed: 15, numRuns: 400 },
    )
  })

  it('that is closed opens at the time that it reports, and not before', () => {
    const cron = fc.constantFrom(
      '30 2 * * *',
      '15 */7 * * *',
      '0 22 * * 5',
      '0 4 29 2 *',
      '0 12 L * *',
      '0 0 1 * +MON',
    )
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata')
    const time = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2030, 0, 1) })

    fc.assert(
      fc.property(
        cron,
        zone,
        time,
        fc.integer({ min: 1, max: 600 }),
        (cron, timeZone, now, durationMinutes) => {
          const window = { cron, timeZone, durationMinutes }
          const opening = openingOf(window, now)
          if (opening <= now) {
            expect(now - opening).toBeLessThan(durationMinutes * MINUTE)
          } else {
            expect(isOpen(window, opening)).toBe(true)
            expect(isOpen(window, opening - 1)).toBe(false)
          }
        },
      ),
      { seed: 15, numRuns: 500 },
    )
  })
})

describe('the input of a window', () => {
  it('is stored with single spaces', () => {
    expect(checkWindow(berlin('  30   2 * * SUN ', 60), 'w', NOW).cron).toBe('30 2 * * SUN')
  })

  it.each([
    ['seconds', '0 30 2 * * *', 'it must have five fields'],
    ['a nickname', '@daily', 'it must have five fields'],
    ['a date', '2030-01-01T00:00:00', 'it must have five fields'],
    ['a day that no month has', '0 0 30 2 *', 'it never occurs'],
    ['an hour that no day has', '0 24 * * *', 'Invalid value for hour: 24'],
    ['words', 'at noon on each day', 'contains illegal characters'],
    ['a long text', `0 0 ${'1,'.repeat(60)}1 * *`, 'it has more than 100 characters'],
  ])('with %s is refused, naming the field and what is allowed', (_, cron, why) => {
    expect(problemOf(utc(cron, 60))).toEqual([
      'guards.windows.0.cron',
      expect.stringMatching(/minute hour day-of-month month day-of-week, such as "30 2 \* \* SUN"$/),
    ])
    expect(String(problemOf(utc(cron, 60)))).toContain(why)
  })

  it.each(['Mars/Olympus', '+01:00', '', 'Europe/Berlin '])('refuses the time zone "%s"', (timeZone) => {
    expect(problemOf({ ...utc('0 0 * * *', 60), timeZone })).toEqual([
      'guards.windows.0.timeZone',
      `"guards.windows.0.timeZone" is "${timeZone}": it must be an IANA time zone, such as "Europe/Berlin" or "UTC"`,
    ])
  })

  it.each([0, -1, 7 * 24 * 60 + 1])('refuses %i minutes', (minutes) => {
    expect(problemOf(utc('0 0 * * *', minutes))).toEqual([
      'guards.windows.0.durationMinutes',
      `"guards.windows.0.durationMinutes" is ${minutes}; it must be from 1 to 10080`,
    ])
  })
})
