import fc from 'fast-check'
import { RE2JS } from 're2js'
import { describe, expect, it, vi } from 'vitest'
import {
  compilePattern,
  createPattern,
  instructionsAtMost,
  MAX_PATTERN_INSTRUCTIONS,
  MAX_PATTERN_LENGTH,
} from '../../src/policy/pattern.ts'
import { refusal } from './refusal.ts'

const MAX_TAG_LENGTH = 128

/** Number of instructions of the program of a search, and number of executed instructions. */
function countSteps(pattern: string, text: string): { instructions: number; steps: number } {
  const compile = vi.spyOn(RE2JS, 'compile')
  const { search } = createPattern(pattern)
  const compiled: RE2JS = compile.mock.results[0]?.value
  compile.mockRestore()
  const { prog } = compiled.re2()
  const getInst = prog.getInst.bind(prog)
  let steps = 0
  prog.getInst = (at: number) => {
    steps++
    return getInst(at)
  }
  search(text)
  return { instructions: compiled.programSize(), steps }
}

describe('a pattern', () => {
  it.each([
    '^v?(\\d+\\.\\d+\\.\\d+)-alpine$',
    '^main-[a-f0-9]{40}-(?P<ts>[0-9]+)$',
    '^sha256-[0-9a-f]{64}$',
    '(?i)^release-(?<date>\\d{4}-\\d{2}-\\d{2})',
    '^\\d{4}\\d{2}\\d{2}T\\d{2}\\d{2}\\d{2}Z-[0-9a-f]{40}$',
    '^3\\.(1|2|3)(-(slim|alpine|bookworm|bullseye))?$',
    '\\pL+',
    '^(\\d+\\.){2}(\\d+)-(\\w+\\.){3}([a-z]{1,3}-){2}x$',
  ])('may be %s', (pattern) => {
    expect(compilePattern(pattern).programSize()).toBeLessThanOrEqual(MAX_PATTERN_INSTRUCTIONS)
  })

  it.each([
    ['(a', 'missing closing )'],
    ['a)', 'unexpected )'],
    ['[a', 'missing closing ]'],
    ['a**', 'invalid nested repetition operator'],
    ['*a', 'missing argument to repetition operator'],
    ['a{1001}', 'invalid repeat count'],
    ['((a{1,100}){1,100}){1,100}', 'the pattern compiles to more than'],
    ['((a{32}){32}){32}', 'the pattern compiles to more than'],
    ['(?=a)', 'invalid'],
    ['(?<=a)b', 'invalid'],
    ['(a)\\1', 'invalid escape sequence'],
    ['\\', 'trailing backslash'],
    ['(?P<a>.)(?P<a>.)', 'duplicate'],
  ])('is refused when it is %s', (pattern, why) => {
    const error = refusal(() => compilePattern(pattern))

    expect(error).toMatchObject({ field: 'filter.pattern', code: 'INVALID' })
    expect(error.message).toContain(why)
  })

  it('is not empty', () => {
    expect(refusal(() => compilePattern('')).message).toContain('leave filter out')
  })

  it('has at most 1000 characters', () => {
    expect(compilePattern(`^[${'a'.repeat(MAX_PATTERN_LENGTH - 3)}]`).programSize()).toBeLessThan(10)
    expect(refusal(() => compilePattern('a'.repeat(MAX_PATTERN_LENGTH + 1))).message).toBe(
      'a pattern has at most 1000 characters',
    )
  })

  it('is truncated in a message', () => {
    expect(refusal(() => compilePattern(`(${'a'.repeat(900)}`)).message.length).toBeLessThan(300)
  })

  it.each([
    '[0-9a-f]{300}',
    'a{0,1000}',
    'a?'.repeat(200),
    '(abc){100}',
    'abcdefghij'.repeat(30),
    '\\pL{0,1000}'.repeat(80),
    '(?:abcdefghijklmnopqrstuvwxyz){1000}',
  ])('is refused when its program is too large: %s', (pattern) => {
    expect(refusal(() => compilePattern(pattern)).message).toContain(
      `more than ${MAX_PATTERN_INSTRUCTIONS} instructions`,
    )
  })
})

describe('the size that a pattern can compile to', () => {
  const atom = fc.constantFrom(
    'a',
    '.',
    '[ab]',
    '\\d',
    '\\pL',
    '^',
    '$',
    '\\b',
    '\\Qab\\E',
    '\\{',
    'é',
    '(?i)',
  )
  const repetition = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('', '*', '+', '?', '*?') },
    fc.tuple(fc.nat(12), fc.option(fc.nat(12))).map(([a, b]) => `{${a}${b === null ? '' : `,${a + b}`}}`),
    fc.nat(12).map((least) => `{${least},}`),
  )
  const { pattern } = fc.letrec<{ pattern: string; group: string; item: string }>((tie) => ({
    pattern: fc.array(tie('item'), { minLength: 1, maxLength: 4 }).map((items) => items.join('')),
    group: fc
      .tuple(fc.constantFrom('(', '(?:', '(?P<x>', '(?i:'), tie('pattern'), fc.constantFrom('', '|a', '|'))
      .map(([open, inside, alternative]) => `${open}${inside}${alternative})`),
    item: fc
      .tuple(
        fc.oneof({ maxDepth: 4, withCrossShrink: true }, atom, tie('group')),
        fc.constantFrom('', '', '\\Q\\E', '(?s)'),
        repetition,
      )
      .map((parts) => parts.join('')),
  }))

  it('is never more than the estimate', () => {
    let compiled = 0
    fc.assert(
      fc.property(pattern, (text) => {
        fc.pre(instructionsAtMost(text) < 200_000)
        let program: RE2JS
        try {
          program = RE2JS.compile(text)
        } catch {
          return
        }
        compiled++

        expect(program.programSize()).toBeLessThanOrEqual(instructionsAtMost(text))
      }),
      { numRuns: 3000 },
    )
    expect(compiled).toBeGreaterThan(500)
  })
})

describe('a search', () => {
  it.each([
    ['(a+)+$', `${'a'.repeat(127)}b`],
    ['(.*)*[xy]', 'a'.repeat(128)],
    ['(a|a)*$', `${'a'.repeat(127)}b`],
    ['(a|aa)+[bc]', 'a'.repeat(128)],
    ['(.*)(.*)(.*)(.*)(.*)[^\\w]', 'a'.repeat(128)],
    ['((a*)*)*[bc]', 'a'.repeat(128)],
    [`(${'a?'.repeat(20)})${'a'.repeat(20)}$`, `${'a'.repeat(127)}b`],
    [`(?:a*){40}[bc]`, 'a'.repeat(128)],
    ['(\\w+\\s?)+[!?]', 'a'.repeat(128)],
  ])('with %s takes at most as many steps as instructions times characters', (pattern, text) => {
    const { instructions, steps } = countSteps(pattern, text)
    // at each position, an instruction is executed once, also when it is deferred, and once to decide whether it is
    const VISITS = 3

    expect(steps).toBeGreaterThan(0)
    expect(steps).toBeLessThanOrEqual(VISITS * instructions * (MAX_TAG_LENGTH + 1))
  })

  it('matches like a backtracking engine', () => {
    const piece = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', 'a*', 'b+', '(?:a|bb)?', '.*', 'c')
    const pieces = fc.array(piece, { maxLength: 4 }).map((all) => all.join(''))
    const anyPattern = fc
      .tuple(fc.constantFrom('', '^'), pieces, pieces, pieces, fc.constantFrom('', '$'))
      .map(([start, before, inside, after, end]) => `${start}${before}(${inside})${after}${end}`)
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 10 })
    fc.assert(
      fc.property(anyPattern, text, (pattern, candidate) => {
        const model = new RegExp(pattern).exec(candidate)

        expect(createPattern(pattern).search(candidate)).toEqual(model && [model[0], model[1]])
      }),
      { numRuns: 3000 },
    )
  })
})
