import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRoute } from '../../src/registry/protocol/router.ts'

const D = `sha256:${'a'.repeat(64)}`

describe('a path', () => {
  it.each([
    ['/v2', 'version', '', ''],
    ['/v2/', 'version', '', ''],
    ['/v2/_catalog', 'catalog', '', ''],
    [`/v2/shop/web/blobs/${D}`, 'blob', 'shop/web', D],
    ['/v2/shop/web/blobs/uploads/', 'uploads', 'shop/web', 'uploads'],
    ['/v2/shop/web/blobs/uploads', 'uploads', 'shop/web', 'uploads'],
    ['/v2/shop/web/blobs/uploads/0123', 'upload', 'shop/web', '0123'],
    ['/v2/shop/web/manifests/v1', 'manifest', 'shop/web', 'v1'],
    ['/v2/shop/web/tags/list', 'tags', 'shop/web', 'list'],
    [`/v2/shop/web/referrers/${D}`, 'referrers', 'shop/web', D],
    ['/v2/web/manifests/v1', 'manifest', 'web', 'v1'],
    ['/v2/a/b/c/manifests/v1', 'manifest', 'a/b/c', 'v1'],
  ])('%s has the route %s', (path, kind, name, reference) => {
    expect(parseRoute(path)).toEqual({ kind, name, reference })
  })

  it.each([
    ['/v2/blobs/uploads/blobs/uploads/', 'uploads', 'blobs/uploads'],
    ['/v2/blobs/uploads/blobs/uploads/0123', 'upload', 'blobs/uploads'],
    [`/v2/blobs/uploads/blobs/${D}`, 'blob', 'blobs/uploads'],
    ['/v2/blobs/uploads/manifests/v1', 'manifest', 'blobs/uploads'],
    ['/v2/blobs/uploads/tags/list', 'tags', 'blobs/uploads'],
    ['/v2/tags/list/tags/list', 'tags', 'tags/list'],
    ['/v2/tags/manifests/list', 'manifest', 'tags'],
    ['/v2/shop/manifests/manifests/manifests', 'manifest', 'shop/manifests'],
    ['/v2/shop/manifests/uploads', 'manifest', 'shop'],
    ['/v2/manifests/blobs/uploads/', 'uploads', 'manifests'],
    [`/v2/referrers/referrers/${D}`, 'referrers', 'referrers'],
    ['/v2/v2/manifests/v2', 'manifest', 'v2'],
  ])('%s is a path of a repository with the name of a route', (path, kind, name) => {
    expect(parseRoute(path)).toMatchObject({ kind, name })
  })

  it.each([
    '/',
    '/v1/',
    '/v2//',
    '/v22/',
    '/v2/shop/web',
    '/v2/shop/web/',
    '/v2/_catalog/',
    '/v2/shop/_catalog',
    '/v2/manifests/v1',
    '/v2/blobs/uploads/',
    '/v2/blobs/uploads/0123',
    '/v2/tags/list',
    '/v2/shop/web/uploads/0123',
    '/v2/shop/web/blobs/',
    '/v2/shop/web/manifests/',
    '/v2/shop/web/tags/',
    '/v2/shop/web/tags/all',
    '/v2/shop/web/blobs/uploads/0123/',
    '/v2//manifests/v1',
  ])('%s has no route', (path) => {
    expect(parseRoute(path)).toBeUndefined()
  })

  it('returns its name and reference for any words in them', () => {
    const word = fc.constantFrom(
      'blobs',
      'uploads',
      'manifests',
      'tags',
      'list',
      'referrers',
      'v2',
      'a-b',
      'x',
    )
    const name = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join('/'))
    const kind = fc.constantFrom('manifests', 'referrers', 'blobs/uploads')
    fc.assert(
      fc.property(name, kind, word, (name, kind, reference) => {
        expect(parseRoute(`/v2/${name}/${kind}/${reference}`)).toMatchObject({ name, reference })
      }),
    )
  })

  it('can have percent-encoded characters of names and digests', () => {
    const route = { kind: 'blob', name: 'shop/web', reference: D }
    expect(parseRoute(`/v2/shop/web/blobs/${encodeURIComponent(D)}`)).toEqual(route)
    expect(parseRoute(`/v2/%73hop/web/%62lobs/${D}`)).toEqual(route)
  })

  it.each([
    '/v2/shop%2Fweb/manifests/v1',
    '/v2/shop/%2e%2e/manifests/v1',
    '/v2/shop/web/manifests/%2e%2e',
    '/v2/shop/web/manifests/%2e',
    '/v2/shop/web/blobs/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
    '/v2/shop/web/manifests/v1%00',
    '/v2/shop/web/manifests/%5c',
    '/v2/shop/web/manifests/%252e%252e',
    '/v2/shop/web/manifests/%',
    '/v2/shop/web/manifests/%zz',
    '/v2/shop/web/manifests/%ff',
    '/v2/shop/web/manifests/%c3%a9',
    '/v2/shop/web%20/manifests/v1',
    '/v2/shop/web%0a/manifests/v1',
  ])('%s is refused: its percent-encoding has a forbidden character', (path) => {
    expect(parseRoute(path)).toBeUndefined()
  })
})
