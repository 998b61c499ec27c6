import { describe, expect, test } from 'vitest'
import type { ArtifactSource } from '../../src/trust/referrer/artifact-source.ts'
import { Asking } from '../../src/trust/referrer/asking.ts'

const place = { registry: 'slow.example', repository: 'team/app', insecure: false, namespace: null }

/** A registry that answers only when it is no longer asked, and what was reported. */
function open(timeout?: number) {
  const reported: unknown[] = []
  const asking = new Asking({
    sources: {
      open: (_place, signal) =>
        ({
          digestOfTag: () =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason))
            }),
        }) as Partial<ArtifactSource> as ArtifactSource,
    },
    ...(timeout !== undefined && { timeout }),
    onInternalError: (error) => reported.push(error),
  })
  const ask = () => asking.ask(place, (source) => source.digestOfTag('latest' as never))
  return { asking, ask, reported }
}

describe('a registry that is asked what it has about an image', () => {
  test('and drips for ever is left in time, which is a reason and no error', async () => {
    const { ask, reported } = open(1)
    expect(await ask()).toEqual({
      failure: {
        reason: 'RegistryUnavailable',
        message: expect.stringContaining('slow.example did not say in time'),
      },
    })
    expect(reported).toEqual([])
  })

  test('is left when the server stops, and nothing is reported', async () => {
    const { asking, ask, reported } = open()
    const answer = ask()
    asking[Symbol.dispose]()
    expect(await answer).toMatchObject({
      failure: { reason: 'InternalError', message: 'this server is stopping' },
    })
    expect(reported).toEqual([])
  })

  test('is not blamed for what goes wrong here: that is reported, and not told', async () => {
    const { asking, reported } = open()
    const answer = await asking.ask(place, async () => {
      throw new TypeError('a secret of the code')
    })
    expect(answer).toMatchObject({ failure: { reason: 'InternalError' } })
    expect(JSON.stringify(answer)).not.toContain('secret')
    expect(reported).toEqual([new TypeError('a secret of the code')])
  })
})

describe('work that many want at the same time', () => {
  test('is done once, and again by who comes later, also when it failed', async () => {
    const { asking } = open()
    let count = 0
    const work = async () => {
      count += 1
      if (count === 1) throw new Error('the first fails')
      return count
    }
    const first = [asking.once(['a', 1], work), asking.once(['a', 1], work)]
    expect(await Promise.allSettled(first)).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }])
    expect(await asking.once(['a', 1], work)).toBe(2)
  })
})

test('what cannot be kept, on a full disk say, is reported and no error', () => {
  const { asking, reported } = open()
  asking.keep(() => {
    throw new Error('disk full')
  })
  expect(reported).toEqual([new Error('disk full')])
})
