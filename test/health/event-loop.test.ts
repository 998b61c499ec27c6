import { expect, test } from 'vitest'
import { watchEventLoop } from '../../src/health/event-loop.ts'
import { eventually } from '../fixtures/eventually.ts'

test('an event loop that stalls is a problem from its first request on, and for a while', () => {
  let now = 0
  using loop = watchEventLoop({
    ...{ onDelay: () => {}, now: () => now },
    ...{ tickMs: 100_000, stallMs: 2_000, rememberMs: 10_000 },
  })
  expect(loop.problem()).toBeUndefined()
  // the tick is late, and has not run yet
  now = 102_000
  expect(loop.problem()).toMatchObject({ reason: 'EVENT_LOOP_STALLED' })
})

test('each tick reports its delay, and a stall is over after a while', async () => {
  const delays: number[] = []
  let now = 0
  using loop = watchEventLoop({
    ...{ onDelay: (seconds: number) => void delays.push(seconds), now: () => now },
    ...{ tickMs: 5, stallMs: 2_000, rememberMs: 10_000 },
  })
  now = 2_505
  await eventually(() => expect(delays[0]).toBe(2.5))
  expect(loop.problem()).toMatchObject({ reason: 'EVENT_LOOP_STALLED' })
  now += 4
  await eventually(() => expect(delays.length).toBeGreaterThan(1))
  // in steps that are no stalls
  for (let step = 0; step < 6; step++) {
    const ticks = delays.length
    now += 1_900
    await eventually(() => expect(delays.length).toBeGreaterThan(ticks))
  }
  expect(loop.problem()).toBeUndefined()
})
