import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image, index } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, type TestDomainOptions, UPSTREAM } from '../fixtures/test-domain.ts'

const OTHER = 'registry.test/other'

let domain: TestDomain
const start = (options: TestDomainOptions = {}): void => {
  domain = new TestDomain(options)
}
beforeEach(() => start())
afterEach(() => domain[Symbol.asyncDispose]())

const push = (...tags: string[]): void => {
  for (const tag of tags) domain.remote.push(UPSTREAM, tag, image({ seed: tag }))
}

describe('a repository', () => {
  it('is imported in order of importance', async () => {
    push('other', 'v1.2', '1.2.3', 'latest', '1.10', '1.2')
    const { imported } = await domain.create()

    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 6, imported: 6, additionalTags: [] })
    expect(domain.remote.requested('resolve')).toEqual(['latest', '1.10', '1.2', 'v1.2', '1.2.3', 'other'])
    expect(domain.results(imported?.id ?? 0).map(({ tag }) => tag)).toEqual(domain.tagNames())
  })

  it('is limited to the most important tags, and reports the names of the others', async () => {
    await domain[Symbol.asyncDispose]()
    start({ maximumTags: 2 })
    push('other', '1.2.3', 'latest', '1.10')
    const { imported } = await domain.create()

    expect(imported).toMatchObject({ total: 2, imported: 2, additionalTags: ['1.2.3', 'other'] })
    expect(domain.tagNames()).toEqual(['latest', '1.10'])
    expect(domain.importer.byIds(SYSTEM, [imported?.id ?? 0]).get(imported?.id ?? 0)?.additionalTags).toEqual(
      ['1.2.3', 'other'],
    )
  })

  it('creates no spec tags', async () => {
    push('latest')
    const { stream } = await domain.create()

    expect(domain.streams.specTags([stream.id])).toEqual([])
    expect(stream.generation).toBe(1)
  })

  it('without tags is imported successfully', async () => {
    push('latest')
    domain.remote.untag(UPSTREAM, 'latest')

    expect((await domain.create()).imported).toMatchObject({ state: 'SUCCEEDED', total: 0 })
  })
})

describe('a spec tag', () => {
  beforeEach(() => {
    push('latest', '3.3', '3.4')
    domain.remote
      .push(OTHER, 'x', image({ seed: 'other' }))
      .push(OTHER, 'latest', image({ seed: 'other latest' }))
  })

  it('is imported from its own source, without reading a tag list', async () => {
    await domain.create({ spec: { tags: [fromImage('a', `${OTHER}:x`), fromImage('b', OTHER)] } })

    expect(domain.digests('a')).toEqual([image({ seed: 'other' }).digest])
    expect(domain.digests('b')).toEqual([image({ seed: 'other latest' }).digest])
    expect(domain.history('a')[0]?.dockerImageReference).toBe(`${OTHER}@${image({ seed: 'other' }).digest}`)
    expect(domain.remote.requested('list')).toEqual([])
  })

  it('takes precedence over the repository’s tag of the same name', async () => {
    const tags = [fromImage('3.3', `${OTHER}:x`)]
    const { imported } = await domain.create({ spec: { dockerImageRepository: UPSTREAM, tags } })

    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 3 })
    expect(domain.tagNames()).toEqual(['latest', '3.4', '3.3'])
    expect(domain.digests('3.3')).toEqual([image({ seed: 'other' }).digest])
  })

  it('that is reference-only takes precedence too, and is not imported', async () => {
    const tags = [fromImage('3.3', `${OTHER}:x`, { reference: true })]
    const { imported } = await domain.create({ spec: { dockerImageRepository: UPSTREAM, tags } })

    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 2 })
    expect(domain.tagNames()).toEqual(['latest', '3.4'])
  })

  it('that is written during the import takes precedence over a repository tag', async () => {
    const held = domain.remote.hold(({ subject }) => subject === '3.3')
    const { importId } = domain.writer.create(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { dockerImageRepository: UPSTREAM },
    })
    await held.reached
    const tags = [fromImage('3.3', `${OTHER}:x`, { reference: true })]
    domain.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', spec: { tags } })
    held.release()
    const imported = await domain.finished(importId ?? 0)

    expect(domain.tagNames()).toEqual(['latest', '3.4'])
    expect(imported).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', imported: 2, failed: 1 })
    expect(domain.results(imported.id).find(({ tag }) => tag === '3.3')?.reason).toBe('Superseded')
  })

  it('from a digest is the image of that digest, which is requested once', async () => {
    const { digest } = image({ seed: 'other' })
    await domain.create({ spec: { tags: [fromImage('a', `${OTHER}@${digest}`)] } })
    await domain.import()
    await domain.import()

    expect(domain.digests('a')).toEqual([digest])
    expect(domain.remote.calls.map(({ kind }) => kind)).toEqual(['manifest', 'config'])
  })

  it('from a tag and a digest is the image of the digest', async () => {
    const { digest } = image({ seed: 'other' })
    await domain.create({ spec: { tags: [fromImage('a', `${OTHER}:latest@${digest}`)] } })

    expect(domain.digests('a')).toEqual([digest])
  })

  it('and the repository may be insecure', async () => {
    const importPolicy = { insecure: true, scheduled: false, importMode: 'Legacy' } as const
    await domain.create({
      spec: { dockerImageRepository: UPSTREAM, tags: [fromImage('a', `${OTHER}:x`, { importPolicy })] },
    })

    expect(domain.remote.calls.filter(({ insecure }) => insecure).map(({ subject }) => subject)).toContain(
      'x',
    )
    expect(domain.remote.calls.filter(({ repository }) => repository === UPSTREAM)).toSatisfy(
      (calls: { insecure: boolean }[]) => calls.length > 0 && calls.every(({ insecure }) => !insecure),
    )
  })
})

describe('the platform in mode Legacy', () => {
  const amd64 = image({ seed: 'amd64' })
  const arm64 = image({ seed: 'arm64', platform: { os: 'linux', architecture: 'arm64' } })
  const windows = image({ seed: 'windows', platform: { os: 'windows', architecture: 'arm64' } })
  const preferring = (...annotations: [string, string][]) => ({
    annotations: annotations.map(([key, value]) => ({ key: `importer.image.openshift.io/${key}`, value })),
  })

  it.each([
    ['linux/amd64', amd64, preferring()],
    ['what the spec tag asks', arm64, preferring(['prefer-arch', 'arm64'])],
    [
      'what the spec tag asks, in both',
      windows,
      preferring(['prefer-arch', 'arm64'], ['prefer-os', 'windows']),
    ],
    ['linux/amd64 where it asks nothing', amd64, preferring(['prefer-arch', ''])],
  ])('is %s', async (_what, expected, more) => {
    domain.remote.push(UPSTREAM, 'latest', index([windows, arm64, amd64]))
    await domain.create({ spec: { tags: [fromImage('a', UPSTREAM, more)] } })

    expect(domain.digests('a')).toEqual([expected.digest])
  })
})
