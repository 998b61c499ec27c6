import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createReconciler } from '../../../src/kubernetes/reconcile/reconciler.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('results that cannot be stored are not requested again at once, and are once the disk has room', async () => {
  const state = { isFull: true, requests: 0, stored: 0, isDue: true }
  const errors: unknown[] = []
  const reconciler = createReconciler({
    db: {
      isOpen: () => true,
      async transactTogether(write: (tx: object) => void) {
        if (state.isFull) throw new Error('the disk is full')
        write({})
      },
    },
    due: {
      due: () => (state.isDue ? [{ id: 1, failureCount: 0, conditions: '[]' }] : []),
      nextDueAt: () => null,
      containersOf: () => [],
      postpone() {
        state.stored++
        state.isDue = false
      },
    },
    connected: () => ({
      cluster: { id: 1 },
      kinds: [],
      get client() {
        state.requests++
        throw new Error('no API server')
      },
    }),
    now: () => Date.now(),
    onError: (error: unknown) => errors.push(error),
  } as unknown as Parameters<typeof createReconciler>[0])

  reconciler.wake(1)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(state.requests).toBeGreaterThan(2)
  expect(state.requests).toBeLessThan(12)

  state.isFull = false
  await vi.advanceTimersByTimeAsync(300_000)
  expect(state.stored).toBe(1)
  await reconciler[Symbol.asyncDispose]()
})
