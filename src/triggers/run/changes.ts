import type { Transaction } from '../../db/transact.ts'

/** Deliveries that a reader has not taken yet; of more, the oldest are left out. */
const MOST = 1_000

/** The changes of deliveries, for listeners. */
export type DeliveryChanges = ReturnType<typeof createDeliveryChanges>

/** Creates the changes of deliveries: each commit announces which ones it changed, and readers read what they are then. */
export function createDeliveryChanges() {
  const listeners = new Set<(deliveryId: number) => void>()

  return {
    /** Announces a changed delivery after the commit. */
    announce(tx: Transaction, deliveryId: number): void {
      if (listeners.size === 0) return
      tx.afterCommit(() => {
        for (const listener of listeners) listener(deliveryId)
      })
    },

    /** Yields the number of each delivery that changes, once however often it changed meanwhile, until the consumer returns. */
    follow(): AsyncIterableIterator<number> {
      const changed = new Set<number>()
      let resolve = (): void => {}
      let isOver = false
      const listener = (deliveryId: number): void => {
        changed.add(deliveryId)
        const [oldest] = changed
        if (changed.size > MOST && oldest !== undefined) changed.delete(oldest)
        resolve()
      }
      listeners.add(listener)
      const end = async (): Promise<IteratorReturnResult<undefined>> => {
        isOver = true
        listeners.delete(listener)
        resolve()
        return { done: true, value: undefined }
      }
      return {
        [Symbol.asyncIterator]() {
          return this
        },
        async next() {
          while (changed.size === 0 && !isOver) {
            await new Promise<void>((done) => {
              resolve = done
            })
          }
          const [first] = changed
          if (isOver || first === undefined) return { done: true, value: undefined }
          changed.delete(first)
          return { done: false, value: first }
        },
        return: end,
      }
    },
  }
}
