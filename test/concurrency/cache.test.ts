import { describe, expect, it } from 'vitest'
import { ExpiringCache, memoized, SharedCache } from '../../src/concurrency/cache.ts'

describe('an expiring cache', () => {
  it('returns a value until its own expiry time', () => {
    const cache = new ExpiringCache<number>(10)
    cache.set('short', 1, 1000)
    cache.set('long', 2, 2000)
    expect([cache.get('short', 999), cache.get('long', 999)]).toEqual([1, 2])
    expect([cache.get('short', 1000), cache.get('long', 1000)]).toEqual([undefined, 2])
    cache.delete('long')
    expect(cache.get('long', 0)).toBeUndefined()
  })

  it('drops the least recently used value first', () => {
    const cache = new ExpiringCache<number>(2)
    cache.set('a', 1, 1000)
    cache.set('b', 2, 1000)
    cache.get('a', 0)
    cache.set('c', 3, 1000)
    expect(['a', 'b', 'c'].map((key) => cache.get(key, 0))).toEqual([1, undefined, 3])
  })
})

describe('a shared cache', () => {
  const caller = { signal: new AbortController().signal, now: () => 0 }
  const fail = async () => {
    throw new Error('not now')
  }

  it('loads a value again after a failure, and then returns it', async () => {
    const cache = new SharedCache<number>(10)
    await expect(cache.get('key', caller, fail)).rejects.toThrow('not now')
    expect(await cache.get('key', caller, async () => ({ value: 1, until: 10 }))).toBe(1)
    expect(await cache.get('key', caller, fail)).toBe(1)
  })

  it('replaces a value that the caller does not accept', async () => {
    const cache = new SharedCache<number>(10)
    await cache.get('key', caller, async () => ({ value: 1, until: 10 }))
    const refusing = { ...caller, accepts: (value: number) => value !== 1 }
    expect(await cache.get('key', refusing, async () => ({ value: 2, until: 10 }))).toBe(2)
    expect(await cache.get('key', refusing, fail)).toBe(2)
  })

  it('keeps an expired value until another one is loaded', async () => {
    const cache = new SharedCache<number>(10)
    await cache.get('key', caller, async () => ({ value: 1, until: 10 }))
    cache.expire('key')
    await expect(cache.get('key', caller, fail)).rejects.toThrow('not now')
    expect(cache.last('key')).toBe(1)
    expect(await cache.get('key', caller, async () => ({ value: 2, until: 10 }))).toBe(2)
    expect(cache.last('key')).toBe(2)
  })
})

describe('a memoized function', () => {
  it('computes each result once, as long as it is among the most recently used', () => {
    const computed: string[] = []
    const compute = memoized((key) => computed.push(key), 2)
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) compute(key)
    expect(computed).toEqual(['a', 'b', 'c', 'b'])
  })

  it('computes again after an error', () => {
    let calls = 0
    const compute = memoized((key) => {
      if (++calls === 1) throw new Error('failed')
      return key
    })
    expect(() => compute('a')).toThrow('failed')
    expect(compute('a')).toBe('a')
  })
})
