import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { BrokenSealError, createSealer } from '../../src/secrets/sealer.ts'
import { newSealingKey, parseSealingKeys, SealingKeyError } from '../../src/secrets/sealing-key.ts'
import { seededBytes } from '../fixtures/seed.ts'

const keyOf = (text: string) => {
  const [key] = parseSealingKeys(text, 'the test')
  if (!key) throw new Error('there is no key')
  return key
}
const [first, second] = [keyOf(newSealingKey()), keyOf(newSealingKey())]
const PLACE = ['default', 'quay.io', '']

describe('a sealer', () => {
  test.each(['x', 'open sesame', 'π ≠ 3\n\0', 'a'.repeat(16 * 1024)])(
    'opens what it sealed: %.10s',
    (secret) => {
      const sealer = createSealer([first])

      expect(sealer.open(sealer.seal(secret, PLACE), PLACE)).toBe(secret)
    },
  )

  test('seals the same secret differently each time', () => {
    const sealer = createSealer([first])

    const sealed = Array.from({ length: 100 }, () =>
      Buffer.from(sealer.seal('secret', PLACE).bytes).toString('hex'),
    )

    expect(new Set(sealed.map((hex) => hex.slice(0, 24))).size).toBe(100)
    expect(new Set(sealed.map((hex) => hex.slice(24))).size).toBe(100)
  })

  test('seals with its first key and opens with every key', () => {
    const old = createSealer([first]).seal('secret', PLACE)
    const both = createSealer([second, first])

    expect(both.open(old, PLACE)).toBe('secret')
    expect(both.seal('secret', PLACE).keyId).toBe(second.id)
    expect(() => createSealer([second]).open(old, PLACE)).toThrow(BrokenSealError)
    expect(() => createSealer([second]).open({ ...old, keyId: second.id }, PLACE)).toThrow(BrokenSealError)
  })

  test.each([
    [['other', 'quay.io', '']],
    [['default', 'quay.io.evil.com', '']],
    [['default', 'quay.io', 'team']],
    [['default', 'quay.io']],
    [['defaultquay.io', '']],
    [[]],
  ])('opens nothing that is bound to other strings: %j', (place) => {
    const sealer = createSealer([first])

    expect(() => sealer.open(sealer.seal('secret', PLACE), place)).toThrow(BrokenSealError)
  })

  test('opens nothing with a changed bit or missing bytes', () => {
    const sealer = createSealer([first])
    const { keyId, bytes } = sealer.seal('secret', PLACE)
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(() => sealer.open({ keyId, bytes: changed }, PLACE), `byte ${at}`).toThrow(BrokenSealError)
      expect(() => sealer.open({ keyId, bytes: bytes.subarray(0, at) }, PLACE), `${at} bytes`).toThrow(
        BrokenSealError,
      )
    }
  })

  test('is not created without a key', () => {
    expect(() => createSealer([])).toThrow(SealingKeyError)
  })
})

describe('sealing keys', () => {
  const bytes = seededBytes('key 1', 32)

  test('are the same in base64, base64url and hexadecimal, and a repeated key counts once', () => {
    const spelled = [bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')]

    expect(parseSealingKeys(spelled.join('\n'), 'the test')).toHaveLength(1)
    expect(parseSealingKeys(`${newSealingKey()},${newSealingKey()} \r\n`, 'the test')).toHaveLength(2)
  })

  test('are not revealed when they are printed', () => {
    const key = keyOf(bytes.toString('base64'))

    const printed = inspect([key, createSealer([key])], { depth: 10, showHidden: true }) + JSON.stringify(key)

    for (const spelled of ['base64', 'hex'] as const) expect(printed).not.toContain(bytes.toString(spelled))
    expect(key.id).toMatch(/^[0-9a-f]{16}$/)
  })

  test.each([
    ['', /the test contains no key/],
    ['swordfish', /key 1 of 1 is invalid: a key is 32 random bytes in base64 or hexadecimal/],
    [`${newSealingKey()}\nswordfish`, /key 2 of 2 is invalid/],
    [seededBytes('key 2', 31).toString('base64'), /is invalid/],
    [seededBytes('key 3', 33).toString('base64'), /is invalid/],
    [seededBytes('key 4', 31).toString('hex'), /is invalid/],
    [Array.from({ length: 17 }, newSealingKey).join('\n'), /contains 17 keys; at most 16/],
  ])('are refused when they are invalid, and not repeated', (text, message) => {
    expect(() => parseSealingKeys(text, 'the test')).toThrow(message)
    expect(() => parseSealingKeys(text, 'the test')).not.toThrow(/swordfish/)
  })
})
