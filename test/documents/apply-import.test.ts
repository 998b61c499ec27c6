import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image, index } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { apply, applyOne, imageStream, listOf, tagOf } from './documents.ts'

const ONE = image({ seed: 1 })
const TWO = image({ seed: 2 })

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
  domain.remote.push(UPSTREAM, 'latest', ONE).push(UPSTREAM, '3.3', TWO)
})
afterEach(async () => {
  expect(domain.internalErrors).toEqual([])
  await domain[Symbol.asyncDispose]()
})

const importOf = (spec: object) => ({ ...imageStream(spec), kind: 'ImageStreamImport' })
const from = (name: string) => ({ kind: 'DockerImage', name })

describe('an ImageStreamImport', () => {
  const images = [
    {
      from: from(`${UPSTREAM}:3.3`),
      to: { name: 'stable' },
      importPolicy: { scheduled: true },
      referencePolicy: { type: 'Local' },
    },
    { from: from(`${UPSTREAM}:latest`), includeManifest: true },
  ]

  it('writes its images as spec tags, creating the stream, and imports them', async () => {
    const applied = applyOne(domain, importOf({ import: true, images }))

    expect(applied).toMatchObject({ kind: 'ImageStreamImport', action: 'CREATED', warnings: [] })
    expect(await domain.finished(applied.importId ?? 0)).toMatchObject({ state: 'SUCCEEDED', imported: 2 })
    expect(domain.streams.specTags([domain.stream().id])).toMatchObject([
      { name: 'stable', fromName: `${UPSTREAM}:3.3`, scheduled: 1, referencePolicy: 'Local' },
      { name: 'latest', fromName: `${UPSTREAM}:latest`, scheduled: 0, referencePolicy: 'Source' },
    ])
    expect(domain.digests('stable')).toEqual([TWO.digest])
  })

  it('imports spec tags again without changing them', async () => {
    await domain.finished(applyOne(domain, importOf({ import: true, images })).importId ?? 0)
    const stream = domain.stream()
    domain.remote.push(UPSTREAM, '3.3', ONE)

    const applied = applyOne(domain, importOf({ import: true, images }))

    expect(applied).toMatchObject({ action: 'UNCHANGED', diff: '' })
    expect(await domain.finished(applied.importId ?? 0)).toMatchObject({ imported: 1, unchanged: 1 })
    expect(domain.stream().generation).toBe(stream.generation)
  })

  it('replaces another source of a tag, as in a cluster', async () => {
    await domain.create({ spec: { tags: [fromImage('stable', `${UPSTREAM}:latest`)] } })
    const applied = applyOne(domain, importOf({ import: true, images }))
    await domain.finished(applied.importId ?? 0)

    expect(domain.streams.spec(domain.stream()).tags.get(tagName('stable'))?.fromName).toBe(`${UPSTREAM}:3.3`)
  })

  it('of a repository imports every tag and keeps the existing spec tags', async () => {
    await domain.create({ spec: { tags: [fromImage('mine', `${UPSTREAM}:3.3`)] } })

    const repository = {
      from: from(UPSTREAM),
      importPolicy: { importMode: 'PreserveOriginal', insecure: true },
    }
    const applied = applyOne(domain, importOf({ import: true, repository }))

    expect(applied.diff).toBe(`+ metadata.annotations["openshift.io/image.insecureRepository"]: "true"
+ spec.dockerImageRepository: "registry.test/ruby"
- spec.importPolicy.importMode: "Legacy"
+ spec.importPolicy.importMode: "PreserveOriginal"
`)
    await domain.finished(applied.importId ?? 0)
    expect(domain.tagNames()).toEqual(['latest', '3.3', 'mine'])
  })

  it.each([
    ['with import: false', { import: false }, {}],
    ['that does not say import', {}, {}],
    ['with import: true in a dry run', { import: true }, { dryRun: true }],
  ])('%s fetches and stores nothing', async (_what, spec, options) => {
    const before = domain.dump()

    const applied = applyOne(
      domain,
      importOf({ ...spec, images, repository: { from: from(UPSTREAM) } }),
      options,
    )
    const finished = await domain.finished(applied.importId ?? 0)

    expect(applied.action).toBe('CREATED')
    expect(finished).toMatchObject({ state: 'SUCCEEDED', streamId: null, imported: 3 })
    expect(domain.results(finished.id).map(({ tag }) => tag)).toEqual(['latest', '3.3', 'stable'])
    expect(domain.dump()).toEqual(before)
  })

  it('without import: true is fetched beside documents that are stored', async () => {
    const [created, fetched] = apply(
      domain,
      listOf(imageStream({ lookupPolicy: { local: true } }), importOf({ images })),
    )

    expect(created).toMatchObject({ action: 'CREATED', importId: null })
    expect(fetched?.action).toBe('CONFIGURED')
    expect(await domain.finished(fetched?.importId ?? 0)).toMatchObject({
      streamId: domain.stream().id,
      imported: 2,
    })
    expect(domain.streams.specTags([domain.stream().id])).toEqual([])
    expect(domain.tag('stable')).toBeUndefined()
  })

  it('in a dry run fetches for a stream that an earlier document would create', async () => {
    const documents = listOf(
      imageStream({ tags: [tagOf('own', `${UPSTREAM}:latest`)] }),
      importOf({ import: true, images }),
    )

    const [, fetched] = apply(domain, documents, { dryRun: true })

    expect(await domain.finished(fetched?.importId ?? 0)).toMatchObject({
      state: 'SUCCEEDED',
      streamId: null,
      imported: 2,
    })
    expect(await domain.streams.count(SYSTEM, {})).toBe(0)
  })

  it.each([
    ['a tag', { images: [{ from: from(`${UPSTREAM}:both`), to: { name: 'both' } }] }],
    ['a repository', { repository: { from: from(UPSTREAM) } }],
  ])('of %s in another import mode is fetched again, also in a dry run', async (_what, spec: object) => {
    const both = index([ONE, TWO])
    domain.remote.push(UPSTREAM, 'both', both)
    await domain.finished(applyOne(domain, importOf({ import: true, ...spec })).importId ?? 0)
    const before = domain.dump()

    const text = JSON.stringify(importOf(spec)).replaceAll(
      '"from"',
      '"importPolicy":{"importMode":"PreserveOriginal"},"from"',
    )
    const applied = applyOne(domain, text)
    const fetched = await domain.finished(applied.importId ?? 0)

    expect(applied).toMatchObject({ action: 'CONFIGURED' })
    expect(domain.results(fetched.id)).toContainEqual(
      expect.objectContaining({
        tag: 'both',
        state: 'IMPORTED',
        dockerImageReference: `${UPSTREAM}@${both.digest}`,
      }),
    )
    expect(domain.dump()).toEqual(before)
  })

  it.each([
    ['nothing', {}, 'spec', 'has nothing to import'],
    [
      'another kind',
      { images: [{ from: { kind: 'ImageStreamTag', name: 'a' } }] },
      'spec.images[0].from.kind',
      'it must be DockerImage',
    ],
    ['no source', { images: [{ to: { name: 'a' } }] }, 'spec.images[0].from', 'is missing'],
    [
      'a tag that is none',
      { images: [{ from: from('a'), to: { name: 'a b' } }] },
      'spec.images[0].to.name',
      '"a b" is not a tag',
    ],
    [
      'a tag without a name',
      { images: [{ from: from('a'), to: {} }] },
      'spec.images[0].to.name',
      'is missing',
    ],
    ['a source that is none', { images: [{ from: from('A/') }] }, 'spec.images[0].from.name', 'A/'],
    [
      'a repository with a tag',
      { repository: { from: from('a:1') } },
      'spec.repository.from.name',
      'names one image',
    ],
    [
      'a tag twice',
      {
        images: [
          { from: from('a'), to: { name: 't' } },
          { from: from('b'), to: { name: 't' } },
        ],
      },
      'spec.images[1].to.name',
      'the tag "t" appears twice',
    ],
  ])('of %s is refused, naming the field', async (_what, spec, path, message) => {
    expect(() => apply(domain, importOf({ import: true, ...spec }))).toThrow(
      expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(/^line \d+: /) }),
    )
    expect(() => apply(domain, importOf({ import: true, ...spec }))).toThrow(`${path}: `)
    expect(() => apply(domain, importOf({ import: true, ...spec }))).toThrow(message)
    expect(await domain.streams.count(SYSTEM, {})).toBe(0)
  })

  it('warns of fields that are not stored', () => {
    const repository = { from: from(UPSTREAM), referencePolicy: { type: 'Local' }, foo: 1 }
    const document = {
      ...importOf({ import: true, repository }),
      metadata: { name: 'ruby', labels: { a: 'b' } },
    }

    expect(applyOne(domain, document).warnings).toEqual([
      'spec.repository.referencePolicy: applies to one tag: not stored for a whole repository',
      'metadata.labels: unknown field, not stored',
      'spec.repository.foo: unknown field, not stored',
    ])
  })

  it('is refused where it needs more dry runs than are kept', () => {
    const many = Array.from({ length: 11 }, (_, at) => ({
      ...importOf({ images }),
      metadata: { name: `s${at}` },
    }))

    expect(() => apply(domain, listOf(...many))).toThrow(
      '11 imports would be fetched without being stored: at most 10',
    )
    expect(domain.remote.calls).toEqual([])
  })
})
