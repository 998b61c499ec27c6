import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { literalRange, matchesGlob } from '../../src/input/glob.ts'
import { cpuTime } from '../fixtures/cpu-time.ts'

describe('a glob', () => {
  it.each([
    ['3.*', '3.3', true],
    ['3.*', '13.3', false],
    ['*-slim', '3.3-slim', true],
    ['*-slim', '3.3-slim-x', false],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a*b*c', 'abbc', true],
    ['a*b*c', 'acb', false],
    ['?.[0-9]', '3.3', false],
    ['3.3', '3x3', false],
    ['LATEST', 'latest', false],
  ])('%j on %j: %j', (pattern, text, matches) => {
    expect(matchesGlob(pattern, text)).toBe(matches)
  })

  it('matches like the equivalent regular expression', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 })
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 10 })
    fc.assert(
      fc.property(letters, text, (pattern, candidate) => {
        const model = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/\*+/g, '.*')}$`)

        expect(matchesGlob(pattern, candidate)).toBe(model.test(candidate))
      }),
      { numRuns: 3000 },
    )
  })

  it.each([`*${'a'.repeat(120)}z`, `*${'a'.repeat(120)}z*`, `*z${'a'.repeat(120)}*`, 'a*'.repeat(120)])(
    'is searched in 20,000 tags in a fraction of a second: %s',
    (pattern) => {
      const took = cpuTime(() => {
        for (let n = 0; n < 20_000; n++) matchesGlob(pattern, `${'a'.repeat(122)}${n}`)
      })

      // comparing each place of the text character by character takes seconds
      expect(took).toBeLessThan(1500)
    },
  )

  it('takes at most pattern times text steps', () => {
    const pattern = `${'a*'.repeat(200)}b`
    const text = 'a'.repeat(20_000)
    const took = cpuTime(() => {
      expect(matchesGlob(pattern, text)).toBe(false)
      expect(matchesGlob(pattern, `${text}b`)).toBe(true)
    })

    // a backtracking matcher would not finish
    expect(took).toBeLessThan(2000)
  })
})

describe('literalRange', () => {
  it.each([
    ['ruby', 'ruby'],
    ['ruby*', 'ruby'],
    ['ruby-*-x*', 'ruby-'],
  ])('of %s contains all texts with the prefix before the first star', (pattern, beginning) => {
    const [from, to] = literalRange(pattern) ?? ['', '']

    expect(from).toBe(beginning)
    expect(`${beginning}~`.repeat(2) < to && to > beginning).toBe(true)
  })

  it('is undefined when the pattern begins with a star', () => {
    expect(literalRange('*ruby')).toBeUndefined()
  })

  it('includes every name and tag that matches', () => {
    const names = fc.string({ unit: fc.constantFrom('a', 'B', '0', '9', '.', '_', '-', 'z'), maxLength: 6 })
    const patterns = fc.string({
      unit: fc.constantFrom('a', 'B', '0', '.', '_', '-', 'z', '*'),
      maxLength: 4,
    })
    fc.assert(
      fc.property(patterns, names, (pattern, name) => {
        const range = literalRange(pattern)
        if (!range || !matchesGlob(pattern, name)) return
        expect(range[0] <= name && name < range[1]).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })
})
