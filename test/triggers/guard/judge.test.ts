import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Facts, type Judgement, judge } from '../../../src/triggers/guard/judge.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const NOW = Date.UTC(2026, 2, 4, 12)
const FACTS: Facts = {
  movedAt: NOW,
  heldSince: null,
  platforms: ['linux/amd64', 'linux/arm64/v8'],
  verification: null,
  isApproved: false,
  deliveries: [],
}
const OPEN: Judgement = { open: true }
const held = (guard: string, until: number | null, message?: string) => ({
  open: false,
  guard,
  until,
  message: message ?? expect.any(String),
})

describe('a trigger without guards', () => {
  it('acts at once', () => {
    expect(judge({}, FACTS, NOW)).toEqual(OPEN)
  })
})

describe('minimum age', () => {
  const guards = { minimumAgeSeconds: 600 }

  it('holds an image until the tag has pointed to it for so long', () => {
    expect(judge(guards, FACTS, NOW)).toEqual(held('MINIMUM_AGE', NOW + 10 * MINUTE))
    expect(judge(guards, FACTS, NOW + 10 * MINUTE - 1)).toEqual(held('MINIMUM_AGE', NOW + 10 * MINUTE))
    expect(judge(guards, FACTS, NOW + 10 * MINUTE)).toEqual(OPEN)
  })

  it('counts from the first judgement where the clock was set back after the move', () => {
    const setBack = NOW - 30 * 24 * HOUR
    expect(judge(guards, FACTS, setBack)).toEqual(held('MINIMUM_AGE', setBack + 10 * MINUTE))

    const facts = { ...FACTS, heldSince: setBack }
    expect(judge(guards, facts, setBack + 10 * MINUTE)).toEqual(OPEN)
  })

  it('never holds an image for longer than its seconds, whatever the clocks say', () => {
    const time = fc.integer({ min: NOW - 400 * 24 * HOUR, max: NOW + 400 * 24 * HOUR })
    fc.assert(
      fc.property(
        time,
        fc.option(time),
        time,
        fc.integer({ min: 1, max: 86_400 }),
        (movedAt, heldSince, now, seconds) => {
          const judgement = judge({ minimumAgeSeconds: seconds }, { ...FACTS, movedAt, heldSince }, now)
          if (judgement.open || judgement.until === null) return
          expect(judgement.until - now).toBeLessThanOrEqual(seconds * 1_000)
          const later = { ...FACTS, movedAt, heldSince: Math.min(heldSince ?? now, now) }
          expect(judge({ minimumAgeSeconds: seconds }, later, judgement.until)).toEqual(OPEN)
        },
      ),
      { seed: 15, numRuns: 300 },
    )
  })
})

describe('all platforms present', () => {
  it.each([
    ['linux/amd64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/x86_64'],
  ])('holds nothing when the image has %s and %s in any spelling', (...platforms) => {
    expect(judge({ platforms }, FACTS, NOW)).toEqual(OPEN)
  })

  it('accepts any variant where none is wanted, and only the wanted one else', () => {
    const facts = { ...FACTS, platforms: ['linux/arm/v6'] }

    expect(judge({ platforms: ['linux/arm'] }, facts, NOW)).toEqual(OPEN)
    expect(judge({ platforms: ['linux/arm/v5'] }, facts, NOW)).toEqual(held('PLATFORMS', null))
  })

  it('holds the image until the tag moves, and names the platforms that it lacks', () => {
    const platforms = ['linux/amd64', 'linux/s390x', 'windows/amd64']
    expect(judge({ platforms }, FACTS, NOW)).toEqual(
      held(
        'PLATFORMS',
        null,
        'the image lacks linux/s390x, windows/amd64: it has linux/amd64, linux/arm64/v8',
      ),
    )
    expect(judge({ platforms }, { ...FACTS, platforms: [] }, NOW)).toMatchObject({
      message: expect.stringMatching(/: it has none that is known$/),
    })
  })
})

describe('verified only', () => {
  const guards = { verified: true } as const
  const unsigned = { isVerified: false, message: 'the image has no signature' }

  it('holds an image whose signatures were not read', () => {
    expect(judge(guards, FACTS, NOW)).toEqual(
      held('VERIFIED', NOW + MINUTE, 'the signatures of the image were not read yet'),
    )
  })

  it('holds nothing once the image is verified', () => {
    const verification = { isVerified: true, message: 'signed by x' }
    expect(judge(guards, { ...FACTS, verification }, NOW)).toEqual(OPEN)
  })

  it.each([
    ['a minute at first', 0, MINUTE],
    ['a quarter of its age then', 2 * HOUR, HOUR / 2],
    ['an hour at most', 30 * 24 * HOUR, HOUR],
  ])('reads the signatures of an unsigned image again after %s', (_, age, delay) => {
    const facts = { ...FACTS, movedAt: NOW - age, verification: unsigned }
    expect(judge(guards, facts, NOW)).toEqual(held('VERIFIED', NOW + delay, 'the image has no signature'))
  })
})

describe('approval by a person', () => {
  it('holds the image until it is approved, whatever the time', () => {
    expect(judge({ approval: true }, FACTS, NOW)).toEqual(held('APPROVAL', null))
    expect(judge({ approval: true }, { ...FACTS, isApproved: true }, NOW)).toEqual(OPEN)
  })
})

describe('maintenance windows', () => {
  const nights = { cron: '0 22 * * *', timeZone: 'UTC', durationMinutes: 60 }
  const sundays = { cron: '0 10 * * SUN', timeZone: 'UTC', durationMinutes: 60 }

  it('hold the image until the first of them opens', () => {
    expect(judge({ windows: [sundays, nights] }, FACTS, NOW)).toEqual(
      held(
        'WINDOW',
        NOW + 10 * HOUR,
        'no maintenance window is open: the next one opens at 2026-03-04T22:00:00.000Z',
      ),
    )
  })

  it('hold nothing while one of them is open', () => {
    expect(judge({ windows: [sundays, nights] }, FACTS, NOW + 10.5 * HOUR)).toEqual(OPEN)
  })
})

describe('maximum rate', () => {
  const guards = { maxPerHour: 2 }
  const judged = (...deliveries: readonly number[]) => judge(guards, { ...FACTS, deliveries }, NOW)

  it('holds a delivery while the last hour had as many as are allowed', () => {
    expect(judged(NOW - 50 * MINUTE)).toEqual(OPEN)
    expect(judged(NOW - 50 * MINUTE, NOW - MINUTE)).toEqual(held('RATE', NOW + 10 * MINUTE))
  })

  it('waits for the delivery that leaves the hour last of those in excess, in any order', () => {
    expect(judged(NOW - MINUTE, NOW - 50 * MINUTE, NOW - 20 * MINUTE)).toEqual(
      held('RATE', NOW + 40 * MINUTE),
    )
  })

  it('forgets a delivery after exactly an hour', () => {
    expect(judged(NOW - HOUR, NOW - MINUTE)).toEqual(OPEN)
  })

  it('does not count what a clock that was set back dates after now', () => {
    expect(judged(NOW + 24 * HOUR, NOW + 25 * HOUR)).toEqual(OPEN)
  })

  it('never lets more pass in any hour when each delivery waits until the given time', () => {
    const wishes = fc.array(fc.integer({ min: 0, max: 4 * 60 }), { maxLength: 40 })
    fc.assert(
      fc.property(wishes, fc.integer({ min: 1, max: 5 }), (minutes, maxPerHour) => {
        const deliveries: number[] = []
        let now = NOW
        for (const minute of minutes.toSorted((a, b) => a - b)) {
          now = Math.max(now, NOW + minute * MINUTE)
          const judgement = judge({ maxPerHour }, { ...FACTS, deliveries }, now)
          if (!judgement.open) now = judgement.until ?? Number.NaN
          expect(judge({ maxPerHour }, { ...FACTS, deliveries }, now)).toEqual(OPEN)
          deliveries.push(now)
        }
        for (const end of deliveries) {
          expect(deliveries.filter((at) => at > end - HOUR && at <= end).length).toBeLessThanOrEqual(
            maxPerHour,
          )
        }
      }),
      { seed: 15, numRuns: 200 },
    )
  })
})

describe('several guards', () => {
  it('are judged in one order: platforms, age, signature, approval, window, rate', () => {
    const windows = [{ cron: '0 22 * * *', timeZone: 'UTC', durationMinutes: 60 }]
    const guards = {
      platforms: ['linux/arm64'],
      minimumAgeSeconds: 60,
      verified: true,
      approval: true,
      windows,
      maxPerHour: 1,
    } as const
    const evening = NOW + 10 * HOUR
    const steps: [Partial<Facts>, number][] = [
      [{ platforms: ['linux/amd64'] }, NOW],
      [{ platforms: FACTS.platforms }, NOW],
      [{}, NOW + MINUTE],
      [{ verification: { isVerified: true, message: '' } }, NOW + MINUTE],
      [{ isApproved: true }, NOW + MINUTE],
      [{ deliveries: [evening - MINUTE] }, evening],
      [{ deliveries: [] }, evening],
    ]
    let facts: Facts = FACTS
    const guardsThatHold = steps.map(([change, now]) => {
      facts = { ...facts, ...change }
      const judgement = judge(guards, facts, now)
      return judgement.open ? 'open' : judgement.guard
    })

    expect(guardsThatHold).toEqual([
      'PLATFORMS',
      'MINIMUM_AGE',
      'VERIFIED',
      'APPROVAL',
      'WINDOW',
      'RATE',
      'open',
    ])
  })
})
