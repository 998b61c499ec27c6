import { describe, expect, it } from 'vitest'
import {
  checkBasePattern,
  matchesBases,
  namespaceOfBases,
} from '../../src/triggers/definition/base-pattern.ts'
import { checkSource } from '../../src/triggers/definition/trigger-input.ts'

const RUBY = { namespace: 'library', name: 'ruby' }
const pattern = (text: string): string => checkBasePattern(text, 'team', 'baseImages')

describe('a pattern over base images', () => {
  it.each([
    ['ruby', 'team/ruby:*'],
    ['ruby:3.3', 'team/ruby:3.3'],
    ['library/ruby:3.*', 'library/ruby:3.*'],
    ['library/*', 'library/*:*'],
    ['*/ruby', '*/ruby:*'],
    ['*', 'team/*:*'],
    ['library/sub/ruby:3.3', 'library/sub/ruby:3.3'],
  ])('%s is stored as %s, and stays the same when it is stored again', (text, stored) => {
    expect(pattern(text)).toBe(stored)
    expect(pattern(stored)).toBe(stored)
  })

  it.each([
    ['library/ruby', true],
    ['library/ruby:3.*', true],
    ['*/ruby:3.3', true],
    ['*/*', true],
    ['ruby', false],
    ['library/ruby:4.*', false],
    ['library/rub', false],
    ['*/ruby:latest', false],
  ])('%s matches library/ruby:3.3: %s', (text, matches) => {
    expect(matchesBases(pattern(text), RUBY, '3.3')).toBe(matches)
  })

  it.each(['lib*/ruby', 'library/ruby@sha256:abc', 'ruby!', `ruby${'x'.repeat(600)}`])(
    'refuses %s',
    (text) => {
      expect(() => pattern(text)).toThrow(/baseImages|"lib\*"|"ruby/)
    },
  )

  it('names the namespace in which its bases are pulled', () => {
    expect(['ruby', 'library/ruby', '*/ruby'].map((text) => namespaceOfBases(pattern(text)))).toEqual([
      'team',
      'library',
      '*',
    ])
  })
})

describe('the source of a trigger', () => {
  it('has bases for BASE_IMAGE only, by default those of its namespace', () => {
    const source = { streams: 'app', tags: '*' }

    expect(checkSource(source, 'team')).toMatchObject({ source: 'TAG', bases: null })
    expect(checkSource({ ...source, source: 'BASE_IMAGE' }, 'team')).toMatchObject({ bases: 'team/*:*' })
    expect(() => checkSource({ ...source, source: 'POLICY', bases: 'ruby' }, 'team')).toThrow(
      'baseImages is only for the source BASE_IMAGE',
    )
  })
})
