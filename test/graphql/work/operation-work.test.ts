import { describe, expect, it } from 'vitest'
import { FairThread } from '../../../src/concurrency/fair-thread.ts'
import { MAX_OPERATION_BYTES, OperationWork } from '../../../src/graphql/work/operation-work.ts'

const begin = (): OperationWork => new OperationWork(new FairThread(), { party: 'one', connection: {} })
const PATH = { prev: { prev: undefined, key: 'images', typename: 'Query' }, key: 3, typename: undefined }

describe('an operation that uses too many bytes', () => {
  it('ends with TOO_COMPLEX, the path of the field, and no data', async () => {
    const work = begin()
    work.turn(PATH)
    const result = work.bound(new Promise<never>(() => {}))
    work.spend(MAX_OPERATION_BYTES)

    expect(() => work.spend(1)).toThrow('reads more than 33554432 bytes')
    expect(await result).toMatchObject({
      data: null,
      errors: [{ path: ['images', 3], extensions: { code: 'TOO_COMPLEX' } }],
    })
    expect(work.signal.aborted).toBe(true)
  })

  it('ends also where its result is awaited afterwards', async () => {
    const work = begin()
    expect(() => work.spend(MAX_OPERATION_BYTES + 1)).toThrow()

    expect(
      await work.bound(Promise.resolve({ data: { other: 1 } }).then(() => new Promise<never>(() => {}))),
    ).toMatchObject({
      errors: [{ extensions: { code: 'TOO_COMPLEX' } }],
    })
  })

  it('may use as many again for the next event of a subscription', () => {
    const work = begin()
    work.spend(MAX_OPERATION_BYTES)
    work.restart()

    expect(() => work.spend(MAX_OPERATION_BYTES)).not.toThrow()
  })
})

it('an operation whose client is gone does not go on', async () => {
  const work = begin()
  work.abort()

  await expect(work.nextTurn()).rejects.toThrow('the client has disconnected')
  expect(work.turn(PATH)).toBeInstanceOf(Promise)
})

it('an operation is charged for the values that it may return and the bytes that it reads, each once', () => {
  const charged: number[] = []
  const charge = (points: number): void => void charged.push(points)
  const work = new OperationWork(new FairThread(), { party: 'one', connection: {}, charge })
  work.expect(5_000)
  work.expect(5_000)
  work.spend(128 * 1024)

  expect(charged).toEqual([5, 2])
})

it('an operation whose result is sent does not go on', async () => {
  const work = begin()
  work.finish()

  await expect(work.nextTurn()).rejects.toThrow('the operation is complete')
  expect(work.turn(PATH)).toBeInstanceOf(Promise)
})

it('an operation holds memory for what it reads until its result is sent, and ends where there is none', () => {
  const held: number[] = []
  const memory = {
    hold: (bytes: number) => {
      held.push(bytes)
      return bytes < 100
    },
    release: () => void held.push(0),
  }
  const work = new OperationWork(new FairThread(), { party: 'one', connection: {}, memory })
  work.spend(60)
  expect(() => work.spend(60)).toThrow('too many large results of operations in memory')
  work.finish()
  work.abort()
  expect(held).toEqual([60, 120, 0])
})
