import { describe, expect, it } from 'vitest'
import { decodeCursor, encodeCursor, InvalidCursorError } from '../../src/events/cursor.ts'

const LOG = '01234567-89ab-4def-8123-456789abcdef'
const encode = (text: string): string => Buffer.from(text).toString('base64url')

describe('a cursor', () => {
  it('identifies a log and a sequence number in it', () => {
    expect(decodeCursor(encodeCursor(LOG, 42))).toEqual({ log: LOG, sequence: 42, fingerprint: null })
  })

  it('carries a fingerprint of its entry', () => {
    const cursor = encodeCursor(LOG, 42, 'a_-4Z9bc')
    expect(decodeCursor(cursor)).toEqual({ log: LOG, sequence: 42, fingerprint: 'a_-4Z9bc' })
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
  ])('is refused when it is %s', (_what, cursor) => {
    expect(() => decodeCursor(cursor)).toThrow(InvalidCursorError)
  })
})
