import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { KEPT_DRY_RUNS } from '../../src/imagestream/import/dry-runs.ts'
import { image, index } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

const OTHER = 'registry.test/other'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
  domain.remote.push(UPSTREAM, 'latest', image({ seed: 1 })).push(UPSTREAM, '3.3', image({ seed: 2 }))
})
afterEach(() => domain[Symbol.asyncDispose]())

const resultsOf = (id: number) => domain.results(id).map(({ tag, state }) => [tag, state])

describe('a dry run', () => {
  it('fetches and reports everything, and stores nothing', async () => {
    await domain.create()
    domain.remote
      .push(UPSTREAM, '3.3', image({ seed: 'moved' }))
      .push(UPSTREAM, 'edge', image({ seed: 'edge' }))
    domain.remote.fail(UPSTREAM, 'edge', 'Unauthorized')
    const before = domain.dump()
    const changesBefore = domain.changes()
    const run = await domain.import({ dryRun: true })

    expect(run).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', imported: 1, unchanged: 1, failed: 1 })
    expect(run.id).toBeLessThan(0)
    expect(resultsOf(run.id)).toEqual([
      ['latest', 'UNCHANGED'],
      ['3.3', 'IMPORTED'],
      ['edge', 'FAILED'],
    ])
    expect(domain.dump()).toEqual(before)
    expect(domain.changes()).toBe(changesBefore)
  })

  it('returns the images that it would import', async () => {
    await domain.create()
    const moved = image({ seed: 'moved', platform: { os: 'linux', architecture: 'amd64' } })
    domain.remote.push(UPSTREAM, '3.3', moved)
    const { id } = await domain.import({ dryRun: true, tag: '3.3' })

    const [result] = domain.results(id)
    expect(result).toMatchObject({ imageId: null, dockerImageReference: `${UPSTREAM}@${moved.digest}` })
    expect(result?.image).toMatchObject({ digest: moved.digest, os: 'linux', architecture: 'amd64' })
    expect(result?.image?.id).toBeLessThan(0)
  })

  it('returns stored images for unchanged tags', async () => {
    await domain.create()
    const { id } = await domain.import({ dryRun: true, tag: '3.3' })

    expect(domain.results(id)).toMatchObject([
      {
        state: 'UNCHANGED',
        imageId: domain.history('3.3')[0]?.imageId,
        dockerImageReference: expect.any(String),
      },
    ])
  })

  it('of an unknown stream reports the images that it would have', async () => {
    const before = domain.dump()
    const run = await domain.import({ dryRun: true, confirm: true, from: UPSTREAM, all: true })

    expect(run).toMatchObject({ streamId: null, state: 'SUCCEEDED', imported: 2 })
    expect(domain.dump()).toEqual(before)
  })

  it('uses a spec that is not stored', async () => {
    await domain.create({ spec: { tags: [fromImage('a', UPSTREAM)] } })
    domain.remote.push(OTHER, 'x', image({ seed: 'other' }))
    const run = await domain.import({ dryRun: true, tag: 'a', from: `${OTHER}:x`, replaceSource: true })

    expect(resultsOf(run.id)).toEqual([['a', 'IMPORTED']])
    expect(domain.streams.specTags([domain.stream().id])[0]?.fromName).toBe(UPSTREAM)
  })

  it('of an index reports the image of each mode', async () => {
    const both = index([
      image({ seed: 1 }),
      image({ seed: 3, platform: { os: 'linux', architecture: 'arm64' } }),
    ])
    domain.remote.push(OTHER, 'latest', both)
    const [legacy, whole] = await Promise.all(
      (['Legacy', 'PreserveOriginal'] as const).map((importMode) =>
        domain.import({ dryRun: true, confirm: true, from: OTHER, imageStream: 'other', importMode }),
      ),
    )

    expect(domain.results(legacy?.id ?? 0)[0]?.dockerImageReference).toContain(image({ seed: 1 }).digest)
    expect(domain.results(whole?.id ?? 0)[0]?.image).toMatchObject({ digest: both.digest, os: null })
  })

  it('in another mode reports the image of that mode for an unchanged index', async () => {
    const both = index([
      image({ seed: 1 }),
      image({ seed: 3, platform: { os: 'linux', architecture: 'arm64' } }),
    ])
    domain.remote.push(UPSTREAM, 'latest', both)
    await domain.create()
    const before = domain.dump()
    const whole = { dryRun: true, importMode: 'PreserveOriginal' } as const
    const runs = [whole, { ...whole, tag: 'latest' }, { ...whole, from: UPSTREAM, all: true }]

    for (const input of runs) {
      const { id } = await domain.import(input)
      expect(domain.results(id)[0]).toMatchObject({ tag: 'latest', state: 'IMPORTED' })
      expect(domain.results(id)[0]?.dockerImageReference).toContain(both.digest)
    }
    expect(domain.dump()).toEqual(before)
  })

  it('has counts and pages like a stored import', async () => {
    for (const tag of ['1.0', '1.1', 'edge']) domain.remote.push(UPSTREAM, tag, image({ seed: tag }))
    const { id } = await domain.import({ dryRun: true, confirm: true, from: UPSTREAM, all: true })
    const { importer } = domain
    const names = (page: Parameters<typeof importer.results>[1]) =>
      importer.results(id, page).map(({ tag }) => tag)

    expect(importer.countResults(id, undefined)).toBe(5)
    expect(importer.countResults(id, 'FAILED')).toBe(0)
    const all = ['latest', '3.3', '1.1', '1.0', 'edge']
    const keys = importer.results(id, { page: { limit: 10 } }).map(({ importance }) => [importance])
    expect(names({ page: { limit: 10 } })).toEqual(all)
    expect(names({ page: { limit: 1 } })).toEqual(all.slice(0, 2))
    expect(names({ page: { limit: 2, after: keys[0] } })).toEqual(all.slice(1, 4))
    expect(names({ page: { limit: 1, before: keys[3], fromEnd: true } })).toEqual(all.slice(1, 3))
    expect(names({ state: 'UNCHANGED', page: { limit: 10 } })).toEqual([])
  })

  it('is kept, up to a limit, and then deleted', async () => {
    await domain.create()
    const first = await domain.import({ dryRun: true, tag: '3.3' })
    for (let more = 0; more < KEPT_DRY_RUNS; more++) await domain.import({ dryRun: true, tag: '3.3' })
    expect(domain.importer.byIds(SYSTEM, [first.id]).get(first.id)?.state).toBe('SUCCEEDED')

    await domain.import({ dryRun: true, tag: '3.3' })
    expect(domain.importer.byIds(SYSTEM, [first.id]).size).toBe(0)
    expect(domain.results(first.id)).toEqual([])
  })
})
