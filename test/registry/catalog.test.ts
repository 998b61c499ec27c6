import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EVERYTHING, type RoleGrant } from '../../src/access/right/rights.ts'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image } from '../fixtures/random-image.ts'
import { asPrincipal, openWorld, type World } from './world.ts'

describe('the catalog', () => {
  let world: World
  /** Grants of `puller`; `anybody` has all rights. */
  let grants: readonly RoleGrant[]
  beforeEach(async () => {
    grants = []
    world = await openWorld({
      limits: { catalogPageSize: 4 },
      rightsOf: (principal, sets) => (principal === 'anybody' ? EVERYTHING : sets.rightsOf(grants)),
    })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const web = image({ seed: 'web' })
  const list = async (query = '', as = 'anybody') => {
    const { status, code, json, headers } = await world.get(`/v2/_catalog${query}`, asPrincipal(as))
    return {
      status,
      code,
      repositories: (json as { repositories: string[] }).repositories,
      link: headers.link,
    }
  }
  /** All pages, by their links. */
  const pages = async (query: string, as = 'anybody') => {
    const found: string[][] = []
    for (let path: string | undefined = `/v2/_catalog${query}`; path; ) {
      const { json, headers } = await world.get(path, asPrincipal(as))
      found.push((json as { repositories: string[] }).repositories)
      path = /^<([^>]*)>; rel="next"$/.exec(headers.link ?? '')?.[1]
    }
    return found
  }

  it('is sorted by the bytes of full names, not by namespace', async () => {
    for (const name of ['a/x', 'a-b/x', 'a/x-y', 'a/x.y', 'a/x/y', 'a_b/x', 'a/x0', 'b/a', 'solo'])
      await world.push(name, web, 'v1')
    const inByteOrder = ['a-b/x', 'a/x', 'a/x-y', 'a/x.y', 'a/x/y', 'a/x0', 'a_b/x', 'b/a', 'default/solo']

    for (const n of [1, 2, 3, 4]) {
      const found = await pages(`?n=${n}`)
      expect(found.flat()).toEqual(inByteOrder)
      expect(found.every((page) => page.length <= n)).toBe(true)
    }
  })

  it('continues after `last`, whether or not it exists', async () => {
    for (const name of ['a/x', 'b/x', 'c/x']) await world.push(name, web, 'v1')

    expect((await list('?last=a/x')).repositories).toEqual(['b/x', 'c/x'])
    expect((await list('?last=b')).repositories).toEqual(['b/x', 'c/x'])
    expect((await list('?last=b/y')).repositories).toEqual(['c/x'])
    expect((await list('?last=%C3%BC')).repositories).toEqual([])
  })

  it.each(['', '?n=5', '?n=1000000000000'])('has at most one page of names: %s', async (query) => {
    for (const name of ['a/1', 'a/2', 'a/3', 'a/4', 'a/5']) await world.push(name, web, 'v1')

    const { repositories, link } = await list(query)
    expect(repositories).toEqual(['a/1', 'a/2', 'a/3', 'a/4'])
    expect(link).toContain('last=a%2F4')
  })

  it('is empty for n=0, and rejects an invalid count', async () => {
    await world.push('a/x', web, 'v1')

    expect(await list('?n=0')).toMatchObject({ status: 200, repositories: [], link: undefined })
    expect(await list('?n=-1').catch(() => null)).toMatchObject({
      status: 400,
      code: 'PAGINATION_NUMBER_INVALID',
    })
  })

  it('lists only repositories that the client sees, also across pages', async () => {
    for (const name of ['a/x', 'a/secret', 'b/secret', 'b/x', 'c/secret']) await world.push(name, web, 'v1')
    grants = [
      { role: 'PULLER', namespace: '*', streams: 'x*' },
      { role: 'VIEWER', namespace: 'c', streams: '*' },
    ]

    expect(await pages('?n=1', 'puller')).toEqual([['a/x'], ['b/x'], ['c/secret']])
    grants = grants.slice(0, 1)
    expect(await list('', 'puller')).toMatchObject({ repositories: ['a/x', 'b/x'], link: undefined })
    grants = []
    expect(await list('', 'puller')).toMatchObject({ repositories: [], link: undefined })
  })

  it('lists only repositories with manifests or pulled-through tags', async () => {
    world.domain.writer.create(SYSTEM, { namespace: 'shop', name: 'empty', spec: {} })
    await world.pushBlob('shop/blobs', 'a blob')
    await world.push('shop/gone', web, 'v1')
    await world.delete(`/v2/shop/gone/manifests/${web.digest}`)
    await world.push('shop/by-digest', web)
    world.domain.remote.push('registry.test/web', 'v1', web)
    for (const type of ['Local', 'Source'] as const) {
      const { importId } = world.domain.writer.create(SYSTEM, {
        namespace: 'shop',
        name: type.toLowerCase(),
        spec: {
          tags: [
            {
              name: 'v1',
              from: { kind: 'DockerImage', name: 'registry.test/web:v1' },
              reference: false,
              referencePolicy: { type },
            },
          ],
        },
      })
      await world.domain.finished(importId ?? 0)
    }

    expect((await list()).repositories).toEqual(['shop/by-digest', 'shop/local'])
  })
})
