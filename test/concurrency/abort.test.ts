import { getEventListeners } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { Deadline, onAbort, unlessAborted } from '../../src/concurrency/abort.ts'

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

describe('Deadline', () => {
  const aborted = (signal: AbortSignal): Promise<unknown> =>
    new Promise((resolve) => onAbort(signal, () => resolve(signal.reason)))

  test('aborts its signal after the time', async () => {
    using deadline = new Deadline(5)
    await expect(aborted(deadline.signal)).resolves.toMatchObject({ name: 'AbortError' })
  })

  test('aborts its signal with another one, for the same reason, also when that is already aborted', async () => {
    const other = new AbortController()
    using deadline = new Deadline(60_000, new AbortController().signal, other.signal)
    const reason = aborted(deadline.signal)
    other.abort('stopped')
    await expect(reason).resolves.toBe('stopped')
    using late = new Deadline(60_000, other.signal)
    expect(late.signal.reason).toBe('stopped')
  })

  test('aborts its signal although only its listener is referenced and garbage is collected', async () => {
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    const others = Array.from({ length: 3 }, () => new AbortController().signal)
    const waits = Array.from({ length: 100 }, (_, i) => aborted(new Deadline(i / 5, ...others).signal))
    let isOver = false
    const all = Promise.all(waits).finally(() => {
      isOver = true
    })
    while (!isOver) {
      collect()
      await turn()
    }
    await expect(all).resolves.toHaveLength(100)
  })

  test('does nothing after it is disposed of', () => {
    const other = new AbortController()
    const deadline = new Deadline(60_000, other.signal)
    deadline[Symbol.dispose]()
    other.abort()
    expect(deadline.signal.aborted).toBe(false)
  })
})
