import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCursors, InvalidCursorError, KEY_BYTES } from '../../src/events/cursor.ts'

const LOG = '01234567-89ab-4def-8123-456789abcdef'
const OTHER = '01234567-89ab-4def-8123-456789abcdee'
const encode = (text: string): string => Buffer.from(text).toString('base64url')

const cursors = createCursors(LOG, Buffer.alloc(KEY_BYTES, 7))

describe('a cursor', () => {
  it('identifies a log and a sequence number in it', () => {
    expect(cursors.decode(cursors.encode({ sequence: 42, fingerprint: null }))).toEqual({
      ...{ log: LOG, sequence: 42, fingerprint: null, isReadable: false },
    })
  })

  it('carries a fingerprint of its entry', () => {
    const cursor = cursors.encode({ sequence: 42, fingerprint: 'a_-4Z9bc' })
    expect(cursors.decode(cursor)).toMatchObject({ sequence: 42, fingerprint: 'a_-4Z9bc' })
  })

  it('is the same for a position each time, and of one length', () => {
    const positions = [1, 2, 3, 1_000_000].map((sequence) => ({ sequence, fingerprint: 'a_-4Z9bc' }))
    const texts = positions.map((position) => cursors.encode(position))
    expect(positions.map((position) => cursors.encode(position))).toEqual(texts)
    expect(new Set(texts.map(({ length }) => length))).toEqual(new Set([44]))
    expect(new Set(texts).size).toBe(4)
  })

  it('does not reveal its position: neighbours differ in about half of the bits of their block', () => {
    const blockOf = (sequence: number): Buffer =>
      Buffer.from(cursors.encode({ sequence, fingerprint: null }), 'base64url').subarray(17)
    const distances = Array.from({ length: 200 }, (_, n) => distance(blockOf(n), blockOf(n + 1)))
    expect(Math.min(...distances)).toBeGreaterThan(32)
    expect(Math.max(...distances)).toBeLessThan(96)
  })

  it('of the end of the log differs each time when it is salted, and is the same position', () => {
    const position = { sequence: 42, fingerprint: null }
    const [one, other] = [cursors.encodeSalted(position), cursors.encodeSalted(position)]
    expect(one).not.toBe(other)
    expect(cursors.decode(one)).toEqual(cursors.decode(other))
  })

  it('of another log is recognized, without a position', () => {
    const other = createCursors(OTHER, Buffer.alloc(KEY_BYTES, 8))
    const cursor = other.encode({ sequence: 42, fingerprint: null })
    expect(cursors.decode(cursor)).toMatchObject({ log: OTHER, sequence: 0 })
  })

  it('of an earlier version is readable', () => {
    const position = { log: LOG, sequence: 5, isReadable: true }
    expect(cursors.decode(encode(`push:${LOG}:5`))).toEqual({ ...position, fingerprint: null })
    expect(cursors.decode(encode(`push:${LOG}:5:a_-4Z9bc`))).toEqual({ ...position, fingerprint: 'a_-4Z9bc' })
  })

  it('that is made up is refused, or has a position that no log has', () => {
    const block = fc.uint8Array({ minLength: 16, maxLength: 16 })
    const prefix = Buffer.from(cursors.encode({ sequence: 1, fingerprint: null }), 'base64url').subarray(
      0,
      17,
    )
    fc.assert(
      fc.property(block, (bytes) => {
        try {
          const made = Buffer.concat([prefix, bytes]).toString('base64url')
          expect(cursors.decode(made).sequence).toBeGreaterThan(1_000_000)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidCursorError)
        }
      }),
      { numRuns: 10_000 },
    )
  })

  it.each([
    ['nothing', ''],
    ['no base64', '!!!'],
    ['a bare number', '5'],
    ['another connection’s', encode('tags:["a"]')],
    ['no number', encode(`push:${LOG}:`)],
    ['a negative number', encode(`push:${LOG}:-1`)],
    ['a fraction', encode(`push:${LOG}:1.5`)],
    ['more than a number can hold', encode(`push:${LOG}:${'9'.repeat(16)}`)],
    ['no log', encode('push::5')],
    ['a short fingerprint', encode(`push:${LOG}:5:abc`)],
    ['something behind it', encode(`push:${LOG}:5\n`)],
    ['a statement', encode(`push:${LOG}:5; drop table push_log`)],
    ['shortened', cursors.encode({ sequence: 5, fingerprint: null }).slice(0, -4)],
    ['changed in its last character', `${cursors.encode({ sequence: 5, fingerprint: null }).slice(0, -1)}!`],
  ])('is refused when it is %s', (_what, cursor) => {
    expect(() => cursors.decode(cursor)).toThrow(InvalidCursorError)
  })
})

describe('the key of an entry', () => {
  it('is the position, and nothing else is one', () => {
    const position = { sequence: 42, fingerprint: 'a_-4Z9bc' }
    const key = cursors.keyOf(position)
    expect(cursors.positionOfKey(key)).toEqual(position)
    for (const text of ['', '42', `${key}A`, encode('push:1')]) {
      expect(cursors.positionOfKey(text)).toBeUndefined()
    }
  })
})

/** Returns the number of bits that differ. */
const distance = (one: Buffer, other: Buffer): number =>
  [...one].reduce((sum, byte, at) => sum + bitsOf(byte ^ (other[at] ?? 0)), 0)
const bitsOf = (byte: number): number => byte.toString(2).replaceAll('0', '').length
