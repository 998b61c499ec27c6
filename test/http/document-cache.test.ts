import { parse } from 'graphql'
import { describe, expect, it } from 'vitest'
import { DocumentCache } from '../../src/http/document-cache.ts'

const document = parse('{ a }')

describe('the cache of documents', () => {
  it('drops those that were not used for longest when all together are too long', () => {
    const cache = new DocumentCache(10)
    for (const text of ['aaaa', 'bbbb']) cache.set(text, document)
    cache.get('aaaa')
    cache.set('cccc', document)
    expect(['aaaa', 'bbbb', 'cccc'].filter((text) => cache.has(text))).toEqual(['aaaa', 'cccc'])
  })

  it('does not keep what is longer than all may be', () => {
    const cache = new DocumentCache(10)
    cache.set('x'.repeat(11), document)
    expect(cache.get('x'.repeat(11))).toBeUndefined()
  })

  it('counts a text once, however often it is set', () => {
    const cache = new DocumentCache(10)
    for (let i = 0; i < 5; i++) cache.set('aaaa', document)
    cache.set('bbbb', document)
    expect(cache.has('aaaa')).toBe(true)
  })
})
