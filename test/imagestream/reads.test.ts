import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { StreamFilter } from '../../src/imagestream/stream/stream-criteria.ts'
import { keyOf, type Tag, type TagOrder } from '../../src/imagestream/tag/tag.ts'
import { image, index } from '../fixtures/random-image.ts'
import { ALL, fromImage, TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const NAMES = ['latest', '1.10', '1.2', 'v1.2', '1.2.3', '1.10-rc1', 'b', 'a', 'a.b']
const importAll = async (): Promise<number> => {
  for (const name of NAMES) domain.remote.push(UPSTREAM, name, image({ seed: name }))
  const { stream } = await domain.create()
  domain.time += 1000
  domain.remote.push(UPSTREAM, 'a', image({ seed: 'moved' }))
  await domain.import()
  return stream.id
}
const names = (tags: readonly { name: string }[]): string[] => tags.map(({ name }) => name)

describe('a stream’s tags', () => {
  it.each<[TagOrder, string[]]>([
    ['IMPORTANCE', ['latest', '1.10', '1.10-rc1', '1.2', 'v1.2', '1.2.3', 'a', 'a.b', 'b']],
    ['NAME', [...NAMES].sort()],
    ['SEMVER_DESC', ['1.10', '1.10-rc1', '1.2.3', '1.2', 'v1.2', 'a', 'a.b', 'b', 'latest']],
  ])('are sorted by %s', async (order, expected) => {
    const id = await importAll()

    expect(names(domain.tags.ofStreams([id], { order, page: ALL }))).toEqual(expected)
  })

  it('are sorted newest first, those without an image last', async () => {
    const id = await importAll()
    await domain.import({ tag: 'gone', from: `${UPSTREAM}:gone` })
    const tags = names(domain.tags.ofStreams([id], { order: 'NEWEST_FIRST', page: ALL }))

    expect(tags[0]).toBe('a')
    expect(tags.at(-1)).toBe('gone')
  })

  it('are paged without gaps or duplicates, in every order and from both ends', async () => {
    const id = await importAll()
    const order = fc.constantFrom<TagOrder>('IMPORTANCE', 'NAME', 'NEWEST_FIRST', 'SEMVER_DESC')
    fc.assert(
      fc.property(order, fc.integer({ min: 1, max: 5 }), fc.boolean(), (by, size, fromEnd) => {
        const whole = names(domain.tags.ofStreams([id], { order: by, page: ALL }))
        const paged: Tag[] = []
        for (;;) {
          const edge = (fromEnd ? paged[0] : paged.at(-1)) as Tag | undefined
          const key = edge && keyOf(edge, by)
          const page = { limit: size, fromEnd, ...(fromEnd ? { before: key } : { after: key }) }
          const read = domain.tags.ofStreams([id], { order: by, page })
          // one more row than the limit: the list continues
          const more = read.length > size
          const kept = fromEnd ? read.slice(more ? 1 : 0) : read.slice(0, size)
          if (fromEnd) paged.unshift(...kept)
          else paged.push(...kept)
          if (!more) break
        }
        expect(names(paged)).toEqual(whole)
      }),
      { numRuns: 16 },
    )
  })

  it('are filtered by a glob, and counted', async () => {
    const id = await importAll()
    const chosen = domain.tags.ofStreams([id], { order: 'NAME', matching: '1.*', page: ALL })

    expect(names(chosen)).toEqual(['1.10', '1.10-rc1', '1.2', '1.2.3'])
    expect(domain.tags.countOfStreams([id], { matching: '1.*' }).get(id)).toBe(4)
    expect(domain.tags.countOfStreams([id]).get(id)).toBe(NAMES.length)
  })

  it('are read for many streams at once, with a limit for each', async () => {
    const id = await importAll()
    const other = (await domain.create({ name: 'other' })).stream.id
    const tags = domain.tags.ofStreams([id, other], { order: 'IMPORTANCE', page: { limit: 1 } })

    expect(tags.map(({ streamId, name }) => [streamId, name]).sort()).toEqual([
      [id, '1.10'],
      [id, 'latest'],
      [other, '1.10'],
      [other, 'latest'],
    ])
  })
})

describe('a tag’s history', () => {
  it('is paged newest first, and counted', async () => {
    await domain.create({ spec: {} })
    for (const seed of [1, 2, 3]) {
      domain.remote.push(UPSTREAM, 'latest', image({ seed }))
      await domain.import({ from: UPSTREAM })
    }
    const id = domain.tag('latest')?.id ?? 0
    const [newest, second, third] = domain.tags.events([id], ALL)

    expect(domain.tags.events([id], { limit: 1 })).toEqual([newest, second])
    expect(domain.tags.events([id], { limit: 5, after: [second?.id ?? 0] })).toEqual([third])
    expect(domain.tags.events([id], { limit: 1, fromEnd: true })).toEqual([second, third])
    expect(domain.tags.countEvents([id]).get(id)).toBe(3)
    expect(domain.tag('latest')?.newestEventId).toBe(newest?.id)
  })

  it('finds images by a digest prefix', async () => {
    const id = await importAll()
    const { digest } = image({ seed: 'a' })
    const find = (prefix: string) =>
      domain.tags.digestsInHistory(id, prefix, 100).map((found) => found.digest)

    expect(find(digest)).toEqual([digest])
    expect(find(digest.slice(0, 20))).toEqual([digest])
    expect(find('sha256:')).toHaveLength(NAMES.length + 1)
    expect(domain.tags.digestsInHistory(id, 'sha256:', 2)).toHaveLength(2)
    expect(find(`${digest}0`)).toEqual([])
    expect(find(image({ seed: 'unknown image' }).digest)).toEqual([])
  })
})

describe('an image’s tags', () => {
  it('are those that point to it, in all streams', async () => {
    for (const tag of ['a', 'b']) domain.remote.push(UPSTREAM, tag, image({ seed: 1 }))
    await domain.create()
    await domain.create({ name: 'other', spec: { tags: [fromImage('x', `${UPSTREAM}:a`)] } })
    domain.remote.push(UPSTREAM, 'b', image({ seed: 2 }))
    await domain.import()
    const id = domain.images.byDigest(SYSTEM, image({ seed: 1 }).digest)?.id ?? 0

    expect(names(domain.tags.ofImages(SYSTEM, [id], ALL))).toEqual(['a', 'x'])
    expect(domain.tags.countOfImages(SYSTEM, [id]).get(id)).toBe(2)
    expect(names(domain.tags.ofImages(SYSTEM, [id], { limit: 1, fromEnd: true }))).toEqual(['a', 'x'])
  })
})

describe('images', () => {
  it('are read many at once, by digest and by id, without those that are not stored', async () => {
    const children = [1, 2].map((seed) =>
      image({ seed, platform: { os: 'linux', architecture: `arch${seed}` } }),
    )
    domain.remote.push(UPSTREAM, 'latest', index(children))
    const importPolicy = { insecure: false, scheduled: false, importMode: 'PreserveOriginal' } as const
    await domain.create({ spec: { dockerImageRepository: UPSTREAM, importPolicy } })
    const digests = children.map(({ digest }) => digest)
    const found = domain.images.byDigests(SYSTEM, [...digests, image({ seed: 9 }).digest])

    expect([...found.keys()].sort()).toEqual([...digests].sort())
    const ids = [...found.values()].map(({ id }) => id)
    expect(domain.images.byIds([...ids, 999]).size).toBe(2)
    expect(domain.images.configs([...ids, 999]).size).toBe(2)
  })
})

describe('streams', () => {
  beforeEach(() => {
    for (const [namespace, name, team] of [
      ['b', 'ruby', 'x'],
      ['a', 'ruby', 'y'],
      ['a', 'python', 'x'],
      ['a', 'ruby-slim', 'x'],
    ] as const) {
      domain.writer.create(SYSTEM, {
        namespace,
        name,
        labels: [
          { key: 'team', value: team },
          { key: 'app', value: name },
        ],
      })
    }
  })
  const chosen = async (filter: StreamFilter) => {
    const found = await domain.streams.page(SYSTEM, { ...filter, order: 'NAME', page: ALL })
    const page = found.map(({ namespace, name }) => `${namespace}/${name}`)
    expect(await domain.streams.count(SYSTEM, filter)).toBe(page.length)
    return page
  }

  it('are sorted by namespace, then name', async () => {
    expect(await chosen({})).toEqual(['a/python', 'a/ruby', 'a/ruby-slim', 'b/ruby'])
    const after = await domain.streams.page(SYSTEM, {
      order: 'NAME',
      page: { limit: 1, after: ['a', 'ruby'] },
    })
    expect(names(after)).toEqual(['ruby-slim', 'ruby'])
    const page = { limit: 1, before: ['b', 'ruby'], fromEnd: true }
    expect(names(await domain.streams.page(SYSTEM, { order: 'NAME', page }))).toEqual(['ruby', 'ruby-slim'])
  })

  it('are filtered by namespace, glob and labels together', async () => {
    expect(await chosen({ namespace: 'a', matching: 'ruby*' })).toEqual(['a/ruby', 'a/ruby-slim'])
    expect(await chosen({ labels: [{ key: 'team', value: 'x' }] })).toEqual([
      'a/python',
      'a/ruby-slim',
      'b/ruby',
    ])
    expect(
      await chosen({
        labels: [
          { key: 'team', value: 'x' },
          { key: 'app', value: 'ruby' },
        ],
      }),
    ).toEqual(['b/ruby'])
    expect(await chosen({ labels: [{ key: 'team', value: `' or 1=1 --` }] })).toEqual([])
  })

  it('that do not exist are missing', () => {
    expect(domain.streams.byName(SYSTEM, 'a', 'missing')).toBeUndefined()
    expect(domain.streams.specTag(1, tagName('x'))).toBeUndefined()
  })
})
