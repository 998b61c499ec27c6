import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import {
  formatReference,
  InvalidReferenceError,
  isRepositoryName,
  parseReference,
  pullSpecByDigest,
} from '../../src/oci/reference.ts'
import { cpuTime } from '../fixtures/cpu-time.ts'

const SHA256 = `sha256:${'0123456789abcdef'.repeat(4)}` as Digest
const SHA512 = `sha512:${'0123456789abcdef'.repeat(8)}` as Digest

describe('a reference', () => {
  it.each([
    ['ruby', 'docker.io', 'library/ruby', 'latest', null],
    ['openshift/ruby-20-centos7', 'docker.io', 'openshift/ruby-20-centos7', 'latest', null],
    ['localhost/foo', 'localhost', 'foo', 'latest', null],
    ['registry:5000/foo/bar/baz:v1', 'registry:5000', 'foo/bar/baz', 'v1', null],
    [`quay.io/a/b@${SHA256}`, 'quay.io', 'a/b', null, SHA256],
    [`quay.io/a/b@${SHA512}`, 'quay.io', 'a/b', null, SHA512],
    [`quay.io/a/b:v1@${SHA256}`, 'quay.io', 'a/b', 'v1', SHA256],
    ['[::1]:5000/foo', '[::1]:5000', 'foo', 'latest', null],
    ['[fd00::1]/foo:1', '[fd00::1]', 'foo', '1', null],
    ['127.0.0.1:5000/foo', '127.0.0.1:5000', 'foo', 'latest', null],
    ['docker.io/ruby', 'docker.io', 'library/ruby', 'latest', null],
    ['index.docker.io/ruby', 'docker.io', 'library/ruby', 'latest', null],
    ['registry-1.docker.io/a/b', 'docker.io', 'a/b', 'latest', null],
    ['foo.bar:5000', 'docker.io', 'library/foo.bar', '5000', null],
    ['a__b/c_d/e--f/g.h', 'docker.io', 'a__b/c_d/e--f/g.h', 'latest', null],
    ['quay.io/a:V_1.2-x', 'quay.io', 'a', 'V_1.2-x', null],
  ])('%s names its registry, repository, tag and digest', (text, registry, repository, tag, digest) => {
    expect(parseReference(text)).toEqual({ registry, repository, tag, digest })
  })

  it.each([
    ['the empty text', ''],
    ['upper case in the repository', 'Foo/bar'],
    ['an empty part', 'foo//bar'],
    ['an empty last part', 'foo/'],
    ['a registry alone', 'quay.io/'],
    ['no repository', ':tag'],
    ['an empty tag', 'foo:'],
    ['a cut off digest', 'foo@sha256:12'],
    ['an upper case digest', `foo@${SHA256.toUpperCase()}`],
    ['an unknown algorithm', `foo@md5:${'0'.repeat(32)}`],
    ['a path in place of a digest', 'foo@sha256:../../x'],
    ['a scheme', 'http://x/y'],
    ['a scheme in upper case', 'HTTPS://x.io/y'],
    ['user information', 'good.io@10.0.0.1/x'],
    ['a backslash in the host', 'good.io\\@evil.io/x'],
    ['a line break', 'good.io/x\r\nHost: evil'],
    ['a last line break', 'good.io/x\n'],
    ['three underscores', 'a___b'],
    ['two dots', 'a..b/c'],
    ['a leading dash', '-a/b'],
    ['a port above 65535', 'r.io:65536/x'],
    ['a port of letters', 'r.io:abc/x'],
    ['a tag of 129 characters', `foo:${'t'.repeat(129)}`],
    ['a tag with a leading dot', 'foo:.x'],
    ['a name of 256 characters', `quay.io/${'a'.repeat(256)}`],
    ['a name of 256 characters with its namespace', 'a'.repeat(256 - 'library/'.length)],
  ])('refuses %s', (_what, text) => {
    expect(() => parseReference(text)).toThrow(InvalidReferenceError)
  })

  it('takes a name of 255 characters and a tag of 128', () => {
    const name = 'a'.repeat(255)
    const tag = 't'.repeat(128)

    expect(parseReference(`quay.io/${name}:${tag}`)).toMatchObject({ repository: name, tag })
  })

  it('reports what is wrong, with a limited quotation', () => {
    expect(() => parseReference('foo:!')).toThrow('"foo:!" is not an image reference: the tag must match')
    expect(() => parseReference('A'.repeat(10_000))).toThrow(/^.{0,500}$/)
  })

  it('refuses a long hostile text quickly', () => {
    const texts = ['a'.repeat(100_000).concat('!'), 'a-'.repeat(50_000), `${'a.'.repeat(50_000)}!/x`]
    const took = cpuTime(() => {
      for (const text of texts) expect(() => parseReference(text)).toThrow(InvalidReferenceError)
    })

    expect(took).toBeLessThan(1000)
  })

  it('by digest identifies one image', () => {
    expect(pullSpecByDigest(parseReference('ruby:3.3'), SHA256)).toBe(`docker.io/library/ruby@${SHA256}`)
  })
})

const component = fc.stringMatching(/^[a-z0-9]{1,5}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}$/)
const repository = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const registry = fc.constantFrom('', 'localhost/', 'quay.io/', 'r:5000/', '[::1]:5000/', 'index.docker.io/')
const tag = fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,12}$/), { nil: null })
const digest = fc.constantFrom(null, SHA256, SHA512)
const reference = fc
  .tuple(registry, repository, tag, digest)
  // without a registry before it, a first part with a dot is one itself
  .filter(([host, path]) => host !== '' || !/^[^/]*\.[^/]*\//.test(path))
  .map(([host, path, name, by]) => `${host}${path}${name === null ? '' : `:${name}`}${by ? `@${by}` : ''}`)

describe('formatting and parsing', () => {
  it('are inverse, with all defaults', () => {
    fc.assert(
      fc.property(reference, (text) => {
        const formatted = formatReference(parseReference(text))

        expect(formatReference(parseReference(formatted))).toBe(formatted)
        expect(parseReference(formatted)).toEqual(parseReference(text))
      }),
      { numRuns: 2000 },
    )
  })

  it('accept or refuse any text', () => {
    const parts = fc.constantFrom('a', 'B', '.', ':', '/', '@', '-', '_', '5', '[', ']', SHA256, 'localhost')
    const anyText = fc.oneof(
      fc.string(),
      fc.array(parts, { maxLength: 8 }).map((all) => all.join('')),
    )
    fc.assert(
      fc.property(anyText, (text) => {
        try {
          const parsed = parseReference(text)
          expect(isRepositoryName(parsed.repository)).toBe(true)
          expect(parseReference(formatReference(parsed))).toEqual(parsed)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidReferenceError)
        }
      }),
      { numRuns: 3000 },
    )
  })
})
