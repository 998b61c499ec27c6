import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { SENDER_KINDS } from '../../src/vendors/senders.ts'
import { image, place, senders } from './deliveries.ts'

// Flux and Kargo compare the tokens of Harbor and GitLab with `!=`, which stops at the first character that differs.

const compared = vi.spyOn(crypto, 'timingSafeEqual')
syncBuiltinESMExports()
beforeEach(() => {
  compared.mockClear()
})
afterAll(() => {
  compared.mockRestore()
  syncBuiltinESMExports()
})

describe.each(SENDER_KINDS.filter((kind) => senders[kind].authenticity !== 'JWT'))('%s', (kind) => {
  const at = place('the live secret')
  const authenticate = (secrets: readonly string[]) =>
    senders[kind].authenticate(senders[kind].sample(at, image), secrets, at)

  it('compares secrets in constant time, by digests of the same length', async () => {
    for (const secrets of [['the live secret'], ['s'], ['the live secret, and more of it'.repeat(9)]]) {
      await authenticate(secrets)
    }
    expect(compared.mock.calls.length).toBeGreaterThanOrEqual(3)
    for (const [one, other] of compared.mock.calls) {
      expect([one.byteLength, other.byteLength]).toEqual([32, 32])
    }
  })

  it('compares with every valid secret, even after a match', async () => {
    const counts: number[] = []
    for (const secrets of [
      ['the live secret', 'another'],
      ['another', 'the live secret'],
      ['another', 'a third'],
    ]) {
      compared.mockClear()
      await authenticate(secrets)
      counts.push(compared.mock.calls.length)
    }
    expect(new Set(counts).size).toBe(1)
  })
})
