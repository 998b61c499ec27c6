import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/open.ts'
import { WriteQueue } from '../../../src/kubernetes/observe/write-queue.ts'

let db: Database
let isFull: boolean
let written: string[]
let errors: unknown[]
let queue: WriteQueue
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  db = openDatabase(':memory:')
  isFull = false
  written = []
  errors = []
  queue = new WriteQueue(db, (error) => errors.push(error))
})
afterEach(() => {
  vi.useRealTimers()
  db[Symbol.dispose]()
})

const add = (subject: string, text = subject): void =>
  queue.add(subject, (tx) => {
    if (isFull) throw Object.assign(new Error('the disk is full'), { code: 'SQLITE_FULL' })
    tx.afterCommit(() => written.push(text))
  })
/** Lets the time pass, and the writes that are due be made. */
async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
  // batches yield to the event loop
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

it('makes writes that failed again until they succeed, in order', async () => {
  isFull = true
  for (let at = 0; at < 250; at++) add(`pod ${at}`)
  await pass(50)
  await pass(10_000)
  expect(written).toEqual([])
  // after 0, 1 and 3 seconds, and at most after each further minute
  expect(errors.length).toBeGreaterThan(1)
  expect(errors.length).toBeLessThan(6)

  isFull = false
  await pass(60_000)
  expect(written).toEqual(Array.from({ length: 250 }, (_, at) => `pod ${at}`))
  expect(queue.size).toBe(0)
})

it('holds one write about a subject, the newest, while writes fail', async () => {
  isFull = true
  for (let at = 0; at < 1_000; at++) {
    add('pod a', `a ${at}`)
    add('pod b', `b ${at}`)
    if (at % 100 === 0) await pass(1_000)
  }
  expect(queue.size).toBe(2)

  isFull = false
  await pass(60_000)
  expect(written).toEqual(['a 999', 'b 999'])
})

it('leaves out a write that fails for itself, and makes the others', async () => {
  add('pod a')
  queue.add('pod b', () => {
    throw new Error('not a pod')
  })
  add('pod c')
  await pass(50)
  expect([written, queue.size, errors.length]).toEqual([['pod a', 'pod c'], 0, 1])
})

it('makes a write that a write adds', async () => {
  queue.add('pods', (tx) => {
    tx.afterCommit(() => {
      written.push('first')
      add('pods', 'second')
    })
  })
  await pass(50)
  await pass(50)
  expect(written).toEqual(['first', 'second'])
})
