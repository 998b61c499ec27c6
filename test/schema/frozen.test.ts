import { describe, expect, it } from 'vitest'
import { breaksBetween, CHANGELOG, FROZEN_SCHEMA, freeze, isFrozenAs, namedBreaks } from './frozen.ts'
import { textOf } from './printed-files.ts'

describe('the frozen schema', () => {
  it('is that of the newest section of the changelog', () => {
    expect(isFrozenAs(textOf(FROZEN_SCHEMA), textOf(CHANGELOG))).toBe(true)
  })

  it('is broken only where the changelog says so (section Next, an item that starts with the break as code)', () => {
    const breaks = breaksBetween(textOf(FROZEN_SCHEMA), textOf('schema.graphql'))

    expect(namedBreaks(textOf(CHANGELOG))).toEqual(breaks)
  })
})

const BEFORE = `type Query { stream(name: String, size: Int = 1): String! tags: [String!]! kind: Kind }
  enum Kind { ONE TWO } input Prune { dryRun: Boolean! = true keep: Int } type Mutation { prune(input: Prune!): Int }`

describe('a break', () => {
  it.each([
    ['a field that is gone', 'tags: [String!]!', '', 'Query.tags was removed.'],
    ['a result that can be null', 'String!', 'String', 'Query.stream changed type from String! to String.'],
    ['an enum value that is gone', 'ONE TWO', 'ONE', 'TWO was removed from enum type Kind.'],
    [
      'an argument that must be given',
      'name: String',
      'name: String!',
      'Query.stream arg name has changed type from String to String!.',
    ],
    [
      'another default of an argument',
      'Int = 1',
      'Int = 2',
      'Query.stream arg size has changed defaultValue from 1 to 2.',
    ],
    [
      'another default of an input field',
      '= true',
      '= false',
      'Prune.dryRun has changed its default from true to false.',
    ],
    [
      'an input field that must be given',
      'keep: Int',
      'keep: Int all: Boolean!',
      'A required field all on input type Prune was added.',
    ],
  ])('is %s', (_claim, text, changed, expected) => {
    expect(breaksBetween(BEFORE, BEFORE.replace(text, changed))).toEqual([expected])
  })

  it('is no addition, and no other order or description', () => {
    const after = BEFORE.replace('kind: Kind', '"Kind." kind(of: Int): Kind other: Int')

    expect(breaksBetween(BEFORE, after)).toEqual([])
  })
})

describe('freezing', () => {
  const after = BEFORE.replace('tags: [String!]!', '')
  const [removed = ''] = breaksBetween(BEFORE, after)
  const changelog = (items: string) =>
    `# Changes\n\n## Next\n${items}\n## 2026-01-01\n\nSchema: \`sha256:0\`\n`

  it('makes a section of the named breaks, and leaves none for the next time', () => {
    const frozen = freeze(changelog(`\n- \`${removed}\` Read \`stream\`.\n`), {
      before: BEFORE,
      after,
      date: '2026-02-01',
    })

    expect(frozen).toMatch(
      /^## Next\n\n## 2026-02-01\n\nSchema: `sha256:\w{64}`\n\n- `Query.tags was removed.`/m,
    )
    expect(namedBreaks(frozen)).toEqual([])
    expect(isFrozenAs(after, frozen)).toBe(true)
    expect(isFrozenAs(BEFORE, frozen)).toBe(false)
  })

  it('is refused while a break is not named, or a named one is none', () => {
    const schemas = { before: BEFORE, after, date: '2026-02-01' }

    expect(() => freeze(changelog(''), schemas)).toThrow(`does not name: ${removed}`)
    expect(() => freeze(changelog(`\n- \`${removed}\`\n- \`Kind was removed.\`\n`), schemas)).toThrow(
      'names what is no break: Kind was removed.',
    )
  })
})
