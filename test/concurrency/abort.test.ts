import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { onAbort, unlessAborted } from '../../src/concurrency/abort.ts'

test('onAbort adds one listener for a thousand callbacks and calls each that was not removed once', () => {
  const controller = new AbortController()
  let calls = 0
  const unwatch = Array.from({ length: 1000 }, () => onAbort(controller.signal, () => calls++))
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  for (const stop of unwatch.slice(0, 400)) stop()
  controller.abort()
  expect(calls).toBe(600)
})

describe('unlessAborted', () => {
  test('settles as the promise does', async () => {
    const { signal } = new AbortController()
    await expect(unlessAborted(Promise.resolve(1), signal)).resolves.toBe(1)
    await expect(unlessAborted(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed')
  })

  test("rejects with the signal's reason, also when the signal is already aborted", async () => {
    const controller = new AbortController()
    const outcome = unlessAborted(new Promise(() => {}), controller.signal)
    controller.abort(new Error('stopped'))
    await expect(outcome).rejects.toThrow('stopped')
    await expect(unlessAborted(Promise.resolve(1), controller.signal)).rejects.toThrow('stopped')
  })
})
