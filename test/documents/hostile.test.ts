import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { InvalidInputError } from '../../src/input/errors.ts'
import { TestDomain } from '../fixtures/test-domain.ts'
import { apply, applyOne, imageStream, listOf, refusal } from './documents.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(async () => {
  expect(domain.internalErrors).toEqual([])
  await domain[Symbol.asyncDispose]()
})

const MIB = 1024 * 1024
/** Milliseconds of CPU time for any text of 1 MiB, on a slow machine too; other processes do not count. */
const MAX_CPU_MS = 6_000
const cpuMs = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

const HEAD = 'apiVersion: v1\nkind: ImageStream\nmetadata: {name: ruby}\n'
const fill = (text: string): string => text.repeat(Math.floor((MIB - HEAD.length) / text.length))
const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
  .concat('bcdefghi'.split('').map((name, at) => `${name}: &${name} [${`*${'abcdefgh'[at]},`.repeat(9)}]`))
  .join('\n')

describe('a hostile document', () => {
  it.each([
    [
      'a bomb of aliases',
      `${HEAD}x:\n  ${bomb.replaceAll('\n', '\n  ')}\n`,
      /^line 6, column 10: aliases are not supported/,
    ],
    ['one alias', `${HEAD}x: &x {}\ny: *x\n`, /^line 5, column 4: aliases are not supported/],
    ['an alias as a key', `${HEAD}x: &x y\n*x : z\n`, /^line 5, column 1: aliases are not supported/],
    ['a merge of itself', `${HEAD}x: &x\n  <<: *x\n`, /^line 5, column 7: aliases are not supported/],
    ['10,000 lists in each other', '['.repeat(10_000), /^line 1, column 33: .* more than 32 deep/],
    ['10,000 closed lists of JSON', '['.repeat(10_000) + ']'.repeat(10_000), /^line 1, column 33: .*32 deep/],
    [
      '10,000 objects of JSON',
      `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
      /^line 1, column 161: .*32 deep/,
    ],
    ['10,000 dashes', '- '.repeat(10_000), /^line 1, column 65: .*32 deep/],
    [
      '1,000 steps of indentation',
      Array.from({ length: 1000 }, (_, at) => `${' '.repeat(at)}a:\n`).join(''),
      /^line 33, column 33: .*32 deep/,
    ],
    ['the same key twice', `${HEAD}spec: {}\nspec: {}\n`, /^line 5, column 1: the key "spec" appears twice/],
    [
      'the same key twice, quoted',
      `${HEAD}"spec": {}\nspec: {}\n`,
      /^line 5, column 1: the key "spec" appears twice/,
    ],
    [
      'the same key twice in JSON',
      '{"kind": 1, "a": {"b": 1,\n "\\u0062": 2}}',
      /^line 2, column 2: the key "b" appears twice/,
    ],
    ['an object as a key', `${HEAD}spec: {? {a: b} : c}\n`, /^line 4, column \d+: With stringKeys/],
    ['1 MiB of list elements', fill('- a\n'), /^YAML may have at most 200000 tokens/],
    [
      'a tab for indentation',
      `${HEAD}spec:\n\ttags: []\n`,
      /^line 5, column 1: Tabs are not allowed as indentation/,
    ],
    ['broken JSON', '{"kind": "ImageStream",\n "metadata": {"name" "ruby"}}', /^line 2, column \d+: /],
    ['JSON that ends early', '{"kind": "ImageStream",\n "metadata": {', /^line 2, column \d+: /],
    ['YAML that ends early', `${HEAD}spec: {tags: [`, /^line 4, column \d+: /],
    ['nothing', '', /^there is no document$/],
    ['a comment', '# nothing\n---\n', /^there is no document$/],
    ['a number', '7', /^line 1: must be an object, and is the number 7$/],
    ['a list', '[{"kind": "ImageStream"}]', /^line 1: must be an object, and is a list$/],
    [
      'a set',
      `${HEAD}spec: !!set {tags}\n`,
      /^line 4: spec: must be an object, and is of a type that JSON does not have/,
    ],
    [
      'bytes for a name',
      `apiVersion: v1\nkind: ImageStream\nmetadata: {name: !!binary cnVieQ==}\n`,
      /^line 3: metadata\.name: must be a string/,
    ],
    ['an endless number', `${HEAD}spec: {dockerImageRepository: .inf}\n`, /the number Infinity/],
    [
      'five lists in each other',
      JSON.stringify(listOf(listOf(listOf(listOf(listOf(imageStream())))))),
      /lists are nested more than 4 deep/,
    ],
    ['a list without items that is text', '{"kind": "List", "items": "x"}', /items: must be a list/],
    ['1,001 documents', '---\na: 1\n'.repeat(1001), /^there are more than 1000 documents$/],
    [
      '1,001 documents of a list',
      JSON.stringify(listOf(...Array(1001).fill({}))),
      /^there are 1001 documents/,
    ],
    [
      '5,001 tags',
      JSON.stringify(imageStream({ tags: Array.from({ length: 5001 }, (_, at) => ({ name: `t${at}` })) })),
      /^there are 5001 tags/,
    ],
    ['more than 1 MiB', 'x'.repeat(MIB + 1), /^the documents may have at most 1048576 characters$/],
  ])('with %s is refused', async (_what, text, message) => {
    expect(refusal(domain, text).message).toMatch(message)
    expect(await domain.streams.count(SYSTEM, {})).toBe(0)
  })

  it.each([
    ['open lists', '['],
    ['open objects', '{a: '],
    ['dashes', '- '],
    ['question marks', '? '],
    ['colons', ': '],
    ['anchors', '&a '],
    ['types', '!a '],
    ['closing brackets', '}\n'],
    ['lines', '\n'],
    ['comments', '#\n'],
    ['directives', '%YAML 1.1\n'],
    ['documents', '---\n'],
    ['tabs', 'a:\n\t- b\n'],
    ['list elements', '- a\n'],
    ['quotes that do not end', '"'],
    ['numbers to base sixty', '- 1:1:1:1:1:1\n'],
    ['folded text', '>\n a\n'],
  ])('of 1 MiB of %s is refused within the limit of CPU time', (_what, text) => {
    const cpu = process.cpuUsage()

    // text that starts as JSON is parsed as JSON first
    const texts = [...(/^[[{]/.test(text) ? [fill(text)] : []), HEAD + fill(text)]
    for (const one of texts) {
      expect(refusal(domain, one).message).not.toBe('')
    }

    expect(cpuMs(cpu)).toBeLessThan(2 * MAX_CPU_MS)
  })

  it.each([
    ['YAML', `${HEAD}x:\n${Array.from({ length: 25_000 }, (_, at) => `  k${at}: ""\n`).join('')}`],
    [
      'JSON',
      JSON.stringify(
        imageStream(Object.fromEntries(Array.from({ length: 60_000 }, (_, at) => [`k${at}`, '']))),
      ),
    ],
  ])('with an object of very many keys in %s is parsed in linear time', (_what, text) => {
    const cpu = process.cpuUsage()

    expect(applyOne(domain, text).action).toBe('CREATED')

    expect(cpuMs(cpu)).toBeLessThan(MAX_CPU_MS)
  })

  it('with a very long key or value has it cut in messages', () => {
    const long = 'k'.repeat(100_000)

    expect(applyOne(domain, imageStream({ [long]: 1 })).warnings[0]?.length).toBeLessThan(300)
    const refused = refusal(domain, imageStream({}, { labels: { [long]: 1 } }))
    expect(refused.message.length + refused.field.length).toBeLessThan(600)
    expect(refusal(domain, { kind: long }).message.length).toBeLessThan(300)
  })
})

describe('any text', () => {
  const signs = [
    '- ',
    ': ',
    '? ',
    ', ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '|',
    '>',
    '#',
    '&a ',
    '*a',
    '!!set ',
    '!a ',
    '<<',
    '%',
  ]
  const words = [
    '---',
    '...',
    '\n',
    '\n  ',
    '\t',
    'kind',
    'apiVersion: v1',
    'kind: ImageStream',
    'metadata: {name: a}',
  ]
  const types = [
    '!!omap ',
    '!!pairs ',
    '!!binary ',
    '!!int ',
    '!!float ',
    '!!timestamp ',
    '!!merge ',
    '!!null ',
    '!!bool ',
  ]
  const soup = fc
    .array(
      fc.constantFrom(
        ...signs,
        ...words,
        ...types,
        'spec',
        'tags',
        'items',
        'List',
        '1',
        '0x',
        '2026-01-02',
        '\uFEFF',
      ),
    )
    .map((parts) => parts.join(''))

  it('is either applied or refused with InvalidInputError', () => {
    const taken = (text: string): boolean => {
      try {
        return apply(domain, text).length > 0
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidInputError)
        return false
      }
    }
    fc.assert(
      fc.property(soup, (text) => {
        taken(text)
        taken(`${HEAD}spec: ${text}`)
        taken(`${HEAD}${text}`)
      }),
      { numRuns: 200 },
    )
    expect(taken(HEAD)).toBe(true)
  })
})

describe('a key that is a property of JavaScript objects', () => {
  const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']

  it.each(['JSON', 'YAML'])('is an ordinary key in %s', (format) => {
    const body = NAMES.map((name) => `"${name}": {"kind": "List", "polluted": true}`).join(', ')
    const text = `{"apiVersion": "v1", "kind": "ImageStream", "metadata": {"name": "ruby", ${body}}, "spec": {${body}}, ${body}}`

    const { warnings } = applyOne(domain, format === 'JSON' ? text : `--- ${text}`)

    for (const name of NAMES) {
      for (const path of [name, `metadata.${name}`, `spec.${name}`]) {
        expect(warnings).toContain(`${path}: unknown field, not stored`)
      }
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it.each(NAMES)('is not a kind: %s', (kind) => {
    expect(refusal(domain, `{"kind": "${kind}", "items": [{}]}`).message).toContain(
      `"${kind}" is not applied`,
    )
  })

  it('does not stand in for a missing field', () => {
    expect(refusal(domain, '{"__proto__": {"kind": "ImageStream", "metadata": {"name": "x"}}}').message).toBe(
      'line 1: kind: is missing',
    )
  })

  it('is a valid tag name', () => {
    apply(domain, imageStream({ tags: [{ name: '__proto__' }] }))

    const [tag] = domain.streams.specTags([domain.stream().id])
    expect(tag?.name).toBe('__proto__')
    expect(applyOne(domain, imageStream({ tags: [{ name: '__proto__' }] })).action).toBe('UNCHANGED')
    expect(applyOne(domain, imageStream()).diff).toContain('- spec.tags.__proto__.')
  })
})

describe('a harmless variation', () => {
  it.each([
    ['a byte order mark', `\uFEFF${HEAD}`],
    ['a byte order mark before JSON', `\uFEFF${JSON.stringify(imageStream())}`],
    [
      'JSON with a comma too many, which is YAML',
      '{"apiVersion": "v1", "kind": "ImageStream", "metadata": {"name": "ruby"},}',
    ],
    ['lines that end as on Windows', HEAD.replaceAll('\n', '\r\n')],
    ['spaces before JSON', `\n\n  ${JSON.stringify(imageStream())}`],
    ['an end mark', `---\n${HEAD}...\n---\n`],
  ])('is accepted: %s', (_what, text) => {
    expect(applyOne(domain, text)).toMatchObject({ action: 'CREATED', name: 'ruby' })
  })
})
