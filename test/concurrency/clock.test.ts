import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { systemTimer } from '../../src/concurrency/clock.ts'

const DAY = 24 * 60 * 60 * 1000

it('a timer that is longer than those of Node.js does not call back at once', async () => {
  let calls = 0
  const cancel = systemTimer(() => calls++, 60 * DAY)
  await delay(50)
  cancel()
  expect(calls).toBe(0)
})
