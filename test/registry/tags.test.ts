import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image } from '../fixtures/random-image.ts'
import { artifact } from './manifest-documents.ts'
import { openWorld, type World } from './world.ts'

interface Tags {
  readonly name: string
  readonly tags: readonly string[]
}

describe('the list of tags', () => {
  let world: World
  beforeEach(async () => {
    world = await openWorld({ limits: { tagPageSize: 5 } })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const web = image({ seed: 'web' })
  const tagAll = async (tags: readonly string[]) => {
    await world.push('shop/web', web)
    const query = tags.map((tag) => `tag=${tag}`).join('&')
    expect((await world.putManifest('shop/web', web, `${web.digest}?${query}`)).status).toBe(201)
  }
  const list = async (query = '', repository = 'shop/web') => {
    const { status, code, json, headers } = await world.get(`/v2/${repository}/tags/list${query}`)
    return { status, code, tags: (json as Tags).tags, json, headers, link: headers.link }
  }
  const nextOf = (link: string | undefined) => /^<([^>]*)>; rel="next"$/.exec(link ?? '')?.[1]

  it('is in byte order for any order of pushes', async () => {
    await tagAll(['b', 'A', '_', 'a', '1.10'])

    expect((await list()).json).toEqual({ name: 'shop/web', tags: ['1.10', 'A', '_', 'a', 'b'] })
  })

  it('has the repository name as the client wrote it', async () => {
    await world.push('solo', web, 'v1')

    expect((await list('', 'solo')).json).toEqual({ name: 'solo', tags: ['v1'] })
    expect((await list('', 'default/solo')).json).toEqual({ name: 'default/solo', tags: ['v1'] })
  })

  it('continues after `last`, which need not exist or be a valid tag', async () => {
    await tagAll(['a', 'b', 'd'])

    expect((await list('?last=b')).tags).toEqual(['d'])
    expect((await list('?last=c')).tags).toEqual(['d'])
    expect((await list('?n=1&last=a')).tags).toEqual(['b'])
    expect((await list('?last=%00%27%22%C3%BC')).tags).toEqual(['a', 'b', 'd'])
    expect((await list('?last=zz')).json).toEqual({ name: 'shop/web', tags: [] })
  })

  it('reaches every tag once through its links', async () => {
    const tags = ['a', 'a.b', 'a-b', 'a_b', 'b', 'c', 'd']
    await tagAll(tags)
    for (const n of [1, 2, 3, 7, 1_000]) {
      const seen: string[] = []
      let pages = 0
      for (let path: string | undefined = `/v2/shop/web/tags/list?n=${n}`; path; pages++) {
        const { json, headers } = await world.get(path)
        seen.push(...(json as Tags).tags)
        path = nextOf(headers.link)
      }
      expect(seen).toEqual([...tags].sort())
      expect(pages).toBe(Math.ceil(tags.length / Math.min(n, world.limits.tagPageSize)))
    }
  })

  it('has no link on the last page', async () => {
    await tagAll(['a', 'b', 'c'])

    expect((await list('?n=3')).link).toBeUndefined()
    expect((await list('?n=2&last=a')).link).toBeUndefined()
    expect(nextOf((await list('?n=2')).link)).toBe('/v2/shop/web/tags/list?n=2&last=b')
  })

  it('has no link for n=0', async () => {
    await tagAll(['a', 'b'])

    const { json, link } = await list('?n=0')
    expect(json).toEqual({ name: 'shop/web', tags: [] })
    expect(link).toBeUndefined()
  })

  it.each(['', '?n=6', '?n=1000000000000', `?n=${'9'.repeat(30)}`])(
    'has at most one page of names: %s',
    async (query) => {
      await tagAll(['a', 'b', 'c', 'd', 'e', 'f'])

      const { tags, link } = await list(query)
      expect(tags).toEqual(['a', 'b', 'c', 'd', 'e'])
      expect(nextOf(link)).toContain('last=e')
    },
  )

  it.each(['-1', 'ten', '1.5', '', '1e3', '%201'])('rejects n=%s', async (n) => {
    await tagAll(['a'])

    const { status, code } = await list(`?n=${n}`)
    expect([status, code]).toEqual([400, 'PAGINATION_NUMBER_INVALID'])
  })

  it('is a 404 for a repository that does not exist or has only blobs', async () => {
    await world.pushBlob('shop/blobs', 'a blob')

    for (const repository of ['shop/nothing', 'shop/blobs']) {
      const { status, code } = await list('', repository)
      expect([status, code]).toEqual([404, 'NAME_UNKNOWN'])
    }
  })

  it('is empty for a stream without pushes', async () => {
    world.domain.writer.create(SYSTEM, { namespace: 'shop', name: 'empty', spec: {} })

    expect((await list('', 'shop/empty')).json).toEqual({ name: 'shop/empty', tags: [] })
  })

  it('has imported tags that are pulled through, and no tag without an image', async () => {
    const remote = world.domain.remote
    remote.push('registry.test/web', 'local', image({ seed: 'local' }))
    remote.push('registry.test/web', 'source', image({ seed: 'source' }))
    const from = (name: string, referencePolicy: 'Local' | 'Source', tag = name) => ({
      name,
      from: { kind: 'DockerImage' as const, name: `registry.test/web:${tag}` },
      reference: false,
      referencePolicy: { type: referencePolicy },
    })
    const { importId } = world.domain.writer.create(SYSTEM, {
      namespace: 'shop',
      name: 'web',
      spec: { tags: [from('local', 'Local'), from('source', 'Source'), from('missing', 'Local', 'nowhere')] },
    })
    await world.domain.finished(importId ?? 0)

    expect((await list()).tags).toEqual(['local'])
    await world.push('shop/web', image({ seed: 'pushed' }), 'pushed')
    expect((await list()).tags).toEqual(['local', 'pushed'])
  })

  it('is current after each push and deletion, for any length', async () => {
    await world[Symbol.asyncDispose]()
    world = await openWorld()
    const names = Array.from({ length: 60 }, (_, at) => `${String(at).padStart(3, '0')}-${'x'.repeat(120)}`)
    await tagAll(names)
    expect((await list()).tags).toEqual(names)
    expect((await list()).tags).toEqual(names)

    const bytes = await artifact(world, 'shop/web')
    await world.putManifest(
      'shop/web',
      { bytes, mediaType: 'application/vnd.oci.image.manifest.v1+json' },
      'new',
    )
    expect((await list()).tags).toEqual([...names, 'new'])
    await world.delete(`/v2/shop/web/manifests/${names[0]}`)
    expect((await list()).tags).toEqual([...names.slice(1), 'new'])
    await world.delete(`/v2/shop/web/manifests/${web.digest}`)
    expect((await list()).tags).toEqual(['new'])
  })

  it('returns only the headers for HEAD', async () => {
    await tagAll(['a', 'b'])

    const { status, headers, bytes } = await world.head('/v2/shop/web/tags/list?n=1')
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      link: expect.stringContaining('last=a'),
    })
    expect(bytes).toHaveLength(0)
  })
})
