import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { onAbort } from '../../src/concurrency/abort.ts'

test('a thousand who watch a signal cost it one listener, and are told once each', () => {
  const controller = new AbortController()
  let told = 0
  const unwatch = Array.from({ length: 1000 }, () => onAbort(controller.signal, () => told++))
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  for (const stop of unwatch.slice(0, 400)) stop()
  controller.abort()
  expect(told).toBe(600)
})
