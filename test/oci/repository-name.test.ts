import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRepositoryName, parseReference } from '../../src/oci/reference.ts'
import {
  formatRepositoryName,
  parseRepositoryName,
  repositoryNameOf,
  repositoryPathOf,
} from '../../src/oci/repository-name.ts'
import { REFUSED_NAMES, repositoryName } from '../fixtures/repository-names.ts'

describe('a repository’s name', () => {
  it.each([
    ['app', 'default', 'app'],
    ['default/app', 'default', 'app'],
    ['team/app', 'team', 'app'],
    ['team/sub/app', 'team', 'sub/app'],
    ['team/app/cache', 'team', 'app/cache'],
    ['my_team/my__app', 'my_team', 'my__app'],
    ['a.b/c--d/e_f', 'a.b', 'c--d/e_f'],
    ['default/sub/app', 'default', 'sub/app'],
    ['a'.repeat(255), 'default', 'a'.repeat(255)],
    [`${'a'.repeat(253)}/b`, 'a'.repeat(253), 'b'],
  ])('%s has the namespace %s and the name %s', (path, namespace, name) => {
    expect(repositoryNameOf(path)).toEqual({ namespace, name })
  })

  it('is accepted in every form that the distribution specification allows', () => {
    fc.assert(
      fc.property(repositoryName, (path) => {
        const [first = '', ...others] = path.split('/')
        const expected =
          others.length === 0
            ? { namespace: 'default', name: first }
            : { namespace: first, name: others.join('/') }

        expect(isRepositoryName(path)).toBe(true)
        expect(parseRepositoryName(path)).toEqual(expected)
      }),
      { numRuns: 2000 },
    )
  })

  it('is the same after formatting and parsing, with the namespace and as part of a pull spec', () => {
    fc.assert(
      fc.property(repositoryName, (path) => {
        const stream = parseRepositoryName(path)
        const pullSpec = `registry.test:5000/${repositoryPathOf(stream)}:v1`

        expect(parseRepositoryName(formatRepositoryName(stream))).toEqual(stream)
        expect(parseRepositoryName(parseReference(pullSpec).repository)).toEqual(stream)
      }),
      { numRuns: 2000 },
    )
  })

  it('identifies one stream: two streams never have the same name', () => {
    fc.assert(
      fc.property(repositoryName, repositoryName, (one, other) => {
        const [a, b] = [parseRepositoryName(one), parseRepositoryName(other)]
        const isSame = a.namespace === b.namespace && a.name === b.name

        expect(formatRepositoryName(a) === formatRepositoryName(b)).toBe(isSame)
        expect(repositoryPathOf(a) === repositoryPathOf(b)).toBe(isSame)
      }),
      { numRuns: 2000 },
    )
  })

  it.each(REFUSED_NAMES)('cannot be %j: %s', (path, problem) => {
    expect(repositoryNameOf(path)).toBeUndefined()
    expect(() => parseRepositoryName(path)).toThrow(`is not a valid repository name: ${problem}`)
    expect(() => parseRepositoryName(path)).toThrow('; a name has one or more components, separated by "/"')
  })

  it('cannot be empty', () => {
    expect(() => parseRepositoryName('')).toThrow('is not a valid repository name: it is empty')
  })

  it('cannot be longer than a reference allows, except for a namespace that clients leave out', () => {
    expect(repositoryNameOf(`default/${'a'.repeat(255)}`)).toEqual({
      namespace: 'default',
      name: 'a'.repeat(255),
    })
    expect(repositoryNameOf(`default/${'a'.repeat(256)}`)).toBeUndefined()
    expect(repositoryNameOf(`default/b/${'a'.repeat(255)}`)).toBeUndefined()
    expect(repositoryNameOf(`other/${'a'.repeat(250)}`)).toBeUndefined()
  })
})
