import { describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../src/input/errors.ts'
import { MAX_KEY_VALUES_LENGTH, readKeyValues, writeKeyValues } from '../../src/input/key-values.ts'
import { checkNamespace, checkStreamName, checkTagName, splitName } from '../../src/input/names.ts'
import { REFUSED_NAMES } from '../fixtures/repository-names.ts'

/** The path of the argument that was refused; undefined when none was. */
const fieldOf = (check: () => unknown): string | undefined => {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof InvalidInputError) return error.field
    throw error
  }
}

describe('a namespace', () => {
  it.each(['a', 'team-1', '1', 'my_team', 'a.b', 'a__b', 'a--b', 'a'.repeat(253)])('can be %s', (name) => {
    expect(fieldOf(() => checkNamespace(name))).toBeUndefined()
  })

  it.each(['', '.', '..', 'a..b', '-a', 'a-', 'A', 'a/b', 'a_', 'ä', 'a\n', 'a'.repeat(254)])(
    'cannot be %j',
    (name) => {
      expect(fieldOf(() => checkNamespace(name))).toBe('namespace')
    },
  )
})

describe('a stream’s name', () => {
  it.each(['ruby', 'ruby-3.3', 'a.b.c', '3', 'a--b', 'my_app', 'a__b', 'sub/app', 'a/b_c/d.e'])(
    'can be %s',
    (name) => {
      expect(fieldOf(() => checkStreamName('default', name))).toBeUndefined()
    },
  )

  it.each([
    '',
    'a..b',
    '.a',
    'a.',
    'a.-b',
    'a___b',
    'Ruby',
    '/a',
    'a/',
    'a//b',
    'a/../b',
    'a:b',
    'a@b',
    'a b',
    'a\n',
  ])('cannot be %j', (name) => {
    expect(fieldOf(() => checkStreamName('default', name))).toBe('name')
  })

  it('has with its namespace at most 255 characters', () => {
    expect(fieldOf(() => checkStreamName('a', 'n'.repeat(253)))).toBeUndefined()
    expect(fieldOf(() => checkStreamName('a', 'n'.repeat(254)))).toBe('name')
    expect(fieldOf(() => checkStreamName('ab', 'n'.repeat(253)))).toBe('name')
  })

  it.each(REFUSED_NAMES)('is refused with what is wrong and what is allowed: %j', (path, problem) => {
    expect(() => checkStreamName('team', path)).toThrow(problem.replace('256', '261'))
    expect(() => checkStreamName('team', path)).toThrow(
      '; a name has one or more components, separated by "/"',
    )
  })
})

describe('a tag', () => {
  it('is refused with the grammar, under the name of its argument', () => {
    expect(fieldOf(() => checkTagName('.x'))).toBe('tag')
    expect(fieldOf(() => checkTagName('.x', 'spec.tags.3.name'))).toBe('spec.tags.3.name')
    expect(checkTagName('3.3')).toBe('3.3')
  })
})

describe('a name of an image in a stream', () => {
  it('is a tag or a digest, and latest without either', () => {
    expect(splitName('ruby:3.3')).toEqual({ stream: 'ruby', tag: '3.3' })
    expect(splitName('ruby@sha256:abc')).toEqual({ stream: 'ruby', digest: 'sha256:abc' })
    expect(splitName('ruby')).toEqual({ stream: 'ruby', tag: 'latest' })
    expect(splitName('sub/my_app:v1')).toEqual({ stream: 'sub/my_app', tag: 'v1' })
    expect(splitName('sub/my_app@sha256:abc')).toEqual({ stream: 'sub/my_app', digest: 'sha256:abc' })
  })
})

describe('keys and values', () => {
  const write = (...keys: string[]) =>
    writeKeyValues(
      keys.map((key) => ({ key, value: 'x' })),
      'labels',
    )

  it('keep their order', () => {
    expect(readKeyValues(write('b', 'a', 'team.io/x_y.z')).map(({ key }) => key)).toEqual([
      'b',
      'a',
      'team.io/x_y.z',
    ])
    expect(readKeyValues(write())).toEqual([])
  })

  it('have only key and value stored', () => {
    const text = writeKeyValues(
      [{ key: 'a', value: '"', extra: 1 } as { key: string; value: string }],
      'labels',
    )

    expect(JSON.parse(text)).toEqual([{ key: 'a', value: '"' }])
  })

  it.each(['', '-a', 'a-', '/a', 'a/', 'a/b/c', 'a b', 'ä', 'a\n', 'k'.repeat(318)])(
    'are refused with the key %j, named by its place',
    (key) => {
      expect(fieldOf(() => write('good', key))).toBe('labels.1.key')
    },
  )

  it('are refused with a duplicate key', () => {
    expect(fieldOf(() => write('a', 'b', 'a'))).toBe('labels.2.key')
  })

  it('are refused when they are too long in total', () => {
    const fits = [{ key: 'a', value: 'x'.repeat(MAX_KEY_VALUES_LENGTH - 1) }]

    expect(fieldOf(() => writeKeyValues(fits, 'labels'))).toBeUndefined()
    expect(fieldOf(() => writeKeyValues([...fits, { key: 'b', value: '' }], 'labels'))).toBe('labels')
  })
})
