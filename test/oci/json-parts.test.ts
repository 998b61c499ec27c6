import { describe, expect, it } from 'vitest'
import { jsonParts } from '../../src/oci/json-parts.ts'

const LONG = 'x'.repeat(100_000)

describe('the parts of a JSON text', () => {
  it.each<[string, unknown]>([
    ['a number', 1],
    ['null', null],
    ['an empty object', {}],
    ['an empty list', []],
    ['lists and objects in one another', { a: [1, 'b', { c: [null, true, []] }], d: { e: {} } }],
    ['properties without a value', { a: undefined, b: [undefined], c: 1 }],
    ['names and texts with quotes, controls and line separators', { 'a"\n': '\u2028\u0000"\\' }],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['a time', { at: new Date(0) }],
    ['a long text', { a: LONG, b: LONG }],
    ['a long text of characters that are two units, which a part could divide', `x${'😀'.repeat(40_000)}`],
    ['a long text with halves of characters', `${LONG}\uD83D${LONG}\uDE00`],
    ['a long list', Array.from({ length: 20_000 }, (_, at) => ({ at, text: `tag-${at}`, none: null }))],
  ])('of %s are together what JSON.stringify returns', (_name, value) => {
    expect([...jsonParts(value)].join('')).toBe(JSON.stringify(value))
  })

  it('are short, however long the text is', () => {
    const lengths = [
      ...jsonParts({ a: LONG.repeat(20), b: Array.from({ length: 50_000 }, () => 'tag') }),
    ].map(({ length }) => length)

    expect(lengths.length).toBeGreaterThan(100)
    expect(Math.max(...lengths)).toBeLessThan(40_000)
  })
})
