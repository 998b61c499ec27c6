import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_DEPTH, measureJson, parseJson } from '../../src/oci/json.ts'

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0

describe('JSON of other parties', () => {
  test('may have 64 levels, as text and as bytes', () => {
    for (const as of [String, Buffer.from]) {
      expect(parseJson(as(nested(MAX_DEPTH)))).toBeDefined()
      expect(parseJson(as(nested(MAX_DEPTH + 1)))).toBeUndefined()
      expect(parseJson(as(`{"a":${nested(MAX_DEPTH)}}`))).toBeUndefined()
      expect(parseJson(as('['.repeat(1_000_000)))).toBeUndefined()
    }
  })

  test('may have any number of brackets in texts', () => {
    const value = { a: `"\\${'['.repeat(1_000)}`, ['{'.repeat(1_000)]: '\\' }
    expect(parseJson(JSON.stringify(value))).toEqual(value)
  })

  test('has the measured depth', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 20 }), (value) => {
        expect(measureJson(JSON.stringify(value)).depth).toBe(depthOf(value))
      }),
    )
  })
})
