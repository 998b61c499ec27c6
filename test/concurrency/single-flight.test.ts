import { describe, expect, it } from 'vitest'
import { SingleFlight } from '../../src/concurrency/single-flight.ts'

/** Work whose end the test decides. */
function startable() {
  const starts: PromiseWithResolvers<string>[] = []
  const work = (): Promise<string> => {
    const start = deferred()
    starts.push(start)
    return start.promise
  }
  return { starts, work }
}

interface PromiseWithResolvers<Value> {
  readonly promise: Promise<Value>
  readonly resolve: (value: Value) => void
  readonly reject: (error: unknown) => void
}

function deferred(): PromiseWithResolvers<string> {
  let settle: Omit<PromiseWithResolvers<string>, 'promise'> | undefined
  const promise = new Promise<string>((resolve, reject) => {
    settle = { resolve, reject }
  })
  if (!settle) throw new Error('the executor of a promise runs at once')
  return { promise, ...settle }
}

describe('a single flight', () => {
  it('runs work once for all concurrent callers of a key', async () => {
    const flight = new SingleFlight<string>()
    const { starts, work } = startable()
    const results = [flight.run('a', work), flight.run('a', work), flight.run('b', work)]
    expect(starts).toHaveLength(2)
    expect(flight.inFlight).toHaveLength(2)
    starts[0]?.resolve('first')
    starts[1]?.resolve('second')
    expect(await Promise.all(results)).toEqual(['first', 'first', 'second'])
    expect(flight.inFlight).toEqual([])

    const later = flight.run('a', work)
    starts[2]?.resolve('third')
    expect(await later).toBe('third')
  })

  it('rejects all callers with the error of the work, which the next call runs again', async () => {
    const flight = new SingleFlight<string>()
    const { starts, work } = startable()
    const outcomes = Promise.allSettled([flight.run('a', work), flight.run('a', work)])
    starts[0]?.reject(new Error('failed'))
    expect(await outcomes).toMatchObject([
      { reason: { message: 'failed' } },
      { reason: { message: 'failed' } },
    ])
    const again = flight.run('a', async () => 'done')
    expect(await again).toBe('done')
  })

  it('rejects a caller whose signal is aborted, and continues for the others', async () => {
    const flight = new SingleFlight<string>()
    const { starts, work } = startable()
    const leader = new AbortController()
    const first = flight.run('a', work, leader.signal)
    const second = flight.run('a', work)
    leader.abort(new Error('the client left'))
    await expect(first).rejects.toThrow('the client left')
    starts[0]?.resolve('done')
    expect(await second).toBe('done')
    expect(starts).toHaveLength(1)
  })

  it('starts again for the other callers when the work fails because its caller was aborted', async () => {
    const flight = new SingleFlight<string>()
    const { starts, work } = startable()
    const leader = new AbortController()
    const first = flight.run('a', work, leader.signal)
    const others = [flight.run('a', work), flight.run('a', work)]
    leader.abort(new Error('the client left'))
    await expect(first).rejects.toThrow('the client left')
    starts[0]?.reject(new Error('aborted'))
    await expect.poll(() => starts.length).toBe(2)
    starts[1]?.resolve('done')
    expect(await Promise.all(others)).toEqual(['done', 'done'])
  })
})
