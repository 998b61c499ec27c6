import { expect, test } from 'vitest'
import { sparing } from '../../src/http/metrics/sparing.ts'

test('a figure that is read fast is read each time; a slow one takes at most one hundredth of the time', () => {
  let [now, cost, reads] = [0, 9, 0]
  const read = sparing(
    () => {
      now += cost
      return ++reads
    },
    () => now,
  )
  expect([read(), read()]).toEqual([1, 2])
  cost = 50
  expect(read()).toBe(3)
  now += 4_999
  expect(read()).toBe(3)
  now += 1
  expect(read()).toBe(4)
})
