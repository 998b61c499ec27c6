import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createSecret, parseSecret } from '../../src/access/identity/secret-text.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'

const KINDS = { ist_: 'ACCESS_TOKEN', iss_: 'SESSION', iso_: 'ONE_TIME' } as const

describe('a secret', () => {
  it.each(Object.entries(KINDS))('with the prefix %s has 43 random digits and a checksum', (prefix, kind) => {
    const { text, hash, prefix: shown } = createSecret(kind)
    expect(text).toMatch(new RegExp(`^${prefix}[0-9A-Za-z]{49}$`))
    expect(text.startsWith(shown)).toBe(true)
    expect(shown).toHaveLength(8)
    expect(hash).toEqual(createHash('sha256').update(text).digest())
    expect(parseSecret(text)).toEqual({ kind, hash })
  })

  it('has the same checksum in every version of the server', () => {
    // CRC-32 of the 43 digits, as in zlib and PNG
    expect(parseSecret(`ist_${'0'.repeat(43)}2CZclj`)?.kind).toBe('ACCESS_TOKEN')
  })

  it('is not found again with a typing error', () => {
    const { text } = createSecret('ACCESS_TOKEN')
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === 'a' ? 'b' : 'a'
      expect(parseSecret(`${text.slice(0, at)}${other}${text.slice(at + 1)}`)).toBeUndefined()
    }
  })

  it('is nothing that 10,000 other texts are', () => {
    const random = randomNumbers(61)
    const characters = 'istso_09AZaz\0\n é'
    const { text } = createSecret('SESSION')
    for (let round = 0; round < 10_000; round++) {
      const at = Math.floor(random() * text.length)
      const cut = Math.floor(random() * text.length)
      const added = Array.from(
        { length: Math.floor(random() * 60) },
        () => characters[Math.floor(random() * characters.length)],
      )
      const given = `${text.slice(0, at)}${added.join('')}${text.slice(cut)}`
      if (given !== text) expect(parseSecret(given)).toBeUndefined()
    }
  })
})
