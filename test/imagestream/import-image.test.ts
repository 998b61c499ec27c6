import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ImportImageInput } from '../../src/imagestream/commands/import-image-plan.ts'
import type { SpecTag } from '../../src/imagestream/spec/spec.ts'
import { InvalidInputError, NotFoundError } from '../../src/input/errors.ts'
import { image, index } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

const OTHER = 'registry.test/other'
const arm64 = image({ seed: 'arm64', platform: { os: 'linux', architecture: 'arm64' } })
const both = index([image({ seed: 1 }), arm64])

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
  domain.remote.push(UPSTREAM, 'latest', both).push(UPSTREAM, '3.3', image({ seed: 2 }))
  domain.remote.push(OTHER, 'latest', image({ seed: 'other' })).push(OTHER, 'x', image({ seed: 'x' }))
})
afterEach(() => domain[Symbol.asyncDispose]())

const specTag = (name: string): SpecTag | undefined =>
  domain.streams.specTags([domain.stream().id]).find((tag) => tag.name === name)

describe('importing one tag with from', () => {
  it('writes the spec tag, and imports only this tag', async () => {
    await domain.create()
    domain.remote.takeCalls()
    const run = await domain.import({ tag: 'other', from: `${OTHER}:x`, scheduled: true, insecure: true })

    expect(run).toMatchObject({ state: 'SUCCEEDED', total: 1 })
    expect(specTag('other')).toMatchObject({
      fromKind: 'DockerImage',
      fromName: `${OTHER}:x`,
      scheduled: 1,
      insecure: 1,
      importMode: 'Legacy',
      reference: 0,
      referencePolicy: 'Source',
      generation: 2,
    })
    expect(domain.remote.calls.map(({ kind }) => kind)).toEqual(['resolve', 'manifest', 'config'])
  })

  it('takes the name from the reference if none is given', async () => {
    await domain.create()
    await domain.import({ from: `${OTHER}:x` })
    await domain.import({ from: OTHER })

    expect(specTag('x')?.fromName).toBe(`${OTHER}:x`)
    expect(specTag('latest')?.fromName).toBe(OTHER)
  })

  it('keeps the tag’s reference policy, and writes one if it has none', async () => {
    await domain.create({ spec: { tags: [fromImage('a', OTHER, { referencePolicy: { type: 'Local' } })] } })
    await domain.import({ tag: 'a', from: `${OTHER}:x`, referencePolicy: 'Source', replaceSource: true })
    await domain.import({ tag: 'b', from: `${OTHER}:x`, referencePolicy: 'Local' })

    expect(specTag('a')?.referencePolicy).toBe('Local')
    expect(specTag('b')?.referencePolicy).toBe('Local')
  })

  it('turns a reference-only tag into an imported one, and keeps its annotations', async () => {
    const annotations = [{ key: 'a', value: '1' }]
    await domain.create({ spec: { tags: [fromImage('a', OTHER, { reference: true, annotations })] } })
    await domain.import({ tag: 'a', from: OTHER })

    expect(specTag('a')).toMatchObject({ reference: 0, annotations: JSON.stringify(annotations) })
    expect(domain.digests('a')).toEqual([image({ seed: 'other' }).digest])
  })

  it('of the same source again does not change the spec', async () => {
    await domain.create({ spec: {} })
    await domain.import({ tag: 'a', from: OTHER })
    const { generation, resourceVersion } = domain.stream()
    await domain.import({ tag: 'a', from: OTHER })

    expect(domain.stream()).toMatchObject({ generation, resourceVersion })
  })
})

describe('a tag that has a source', () => {
  const fromStream = (name: string, kind: 'ImageStreamTag' | 'ImageStreamImage', from: string) => ({
    name,
    from: { kind, name: from },
    reference: false,
  })
  const digest = image({ seed: 'other' }).digest

  beforeEach(async () => {
    await domain.create({
      spec: {
        tags: [
          fromImage('a', OTHER),
          fromStream('b', 'ImageStreamTag', 'a'),
          fromStream('c', 'ImageStreamTag', 'ruby:b'),
          fromStream('pinned', 'ImageStreamImage', `ruby@${digest}`),
          fromStream('waiting', 'ImageStreamTag', 'nowhere'),
          fromStream('foreign', 'ImageStreamTag', 'web:1'),
          { name: 'empty', reference: false },
        ],
      },
    })
    domain.remote.takeCalls()
  })

  it.each([
    [
      'a',
      `the tag "a" points to "${OTHER}": replaceSource: true, or tagImage, changes the source to "${UPSTREAM}"`,
    ],
    [
      'b',
      `the tag "b" points to the tag "a" which points to "${OTHER}": replaceSource: true, or tagImage, changes`,
    ],
    ['c', `the tag "c" points to the tag "a" which points to "${OTHER}"`],
    ['pinned', `the tag "pinned" points to ImageStreamImage "ruby@${digest}": replaceSource: true`],
    ['waiting', 'the tag "waiting" points to the tag "nowhere": replaceSource: true'],
  ])('keeps it unless the import replaces it: %s', async (tag, message) => {
    const before = domain.dump()

    for (const dryRun of [false, true]) {
      const begin = () => domain.beginImport({ tag, from: UPSTREAM, confirm: true, dryRun })
      expect(begin).toThrow(
        expect.objectContaining({ field: 'from', message: expect.stringContaining(message) }),
      )
    }
    expect(domain.dump()).toEqual(before)
    expect(domain.remote.calls).toEqual([])

    expect(await domain.import({ tag, from: UPSTREAM, replaceSource: true, dryRun: true })).toMatchObject({
      state: 'SUCCEEDED',
    })
    expect(domain.dump()).toEqual(before)
    await domain.import({ tag, from: UPSTREAM, replaceSource: true })
    expect(specTag(tag)).toMatchObject({ fromKind: 'DockerImage', fromName: UPSTREAM, followsTag: null })
    expect(domain.digests(tag)[0]).toBe(image({ seed: 1 }).digest)
    expect(specTag('a')?.fromName).toBe(tag === 'a' ? UPSTREAM : OTHER)
  })

  it('and a schedule loses the schedule with a digest, which never changes', async () => {
    await domain.import({ tag: 'a', scheduled: true })
    await domain.import({ tag: 'a', from: `${OTHER}@${image({ seed: 'x' }).digest}`, replaceSource: true })

    expect(specTag('a')?.scheduled).toBe(0)
  })

  it('may be imported from the same source, written in another way', async () => {
    const { generation } = domain.stream()
    await domain.import({ tag: 'a', from: `${OTHER}:latest` })

    expect(specTag('a')?.fromName).toBe(OTHER)
    expect(domain.stream()).toMatchObject({ generation })
  })

  it('and follows another tag is imported by importing the one that it follows, through any steps', async () => {
    domain.remote.push(OTHER, 'latest', both)
    const run = await domain.import({
      tag: 'c',
      from: OTHER,
      importMode: 'PreserveOriginal',
      scheduled: true,
    })

    expect(domain.results(run.id)).toMatchObject([{ tag: 'a', state: 'IMPORTED' }])
    expect(specTag('a')).toMatchObject({ importMode: 'PreserveOriginal', scheduled: 1 })
    expect(specTag('c')).toMatchObject({ fromKind: 'ImageStreamTag', fromName: 'ruby:b', scheduled: 0 })
    for (const tag of ['a', 'b', 'c']) expect(domain.digests(tag)).toEqual([both.digest, digest])
  })

  it.each([
    ['pinned', 'the tag "pinned" points to ImageStreamImage "ruby@'],
    [
      'waiting',
      'the spec has no source for the tag "nowhere", which "waiting" points to: import "nowhere" with the image\'s reference as "from", or change',
    ],
    [
      'foreign',
      'the tag "foreign" points to default/web:1 of another image stream: import it there, or change the source by tagImage, or give "from" with replaceSource: true',
    ],
  ])('that cannot be imported is refused, with the reason: %s', (tag, message) => {
    expect(() => domain.beginImport({ tag })).toThrow(
      expect.objectContaining({ field: 'tag', message: expect.stringContaining(message) }),
    )
  })

  it('and waits for a tag without one gets an image when that tag is imported', async () => {
    await domain.import({ tag: 'nowhere', from: OTHER })

    expect(domain.digests('waiting')).toEqual([digest])
  })

  it('of another stream may be replaced explicitly only', async () => {
    expect(() => domain.beginImport({ tag: 'foreign', from: OTHER })).toThrow(
      expect.objectContaining({
        field: 'from',
        message: `the tag "foreign" points to default/web:1 of another image stream: replaceSource: true, or tagImage, changes the source to "${OTHER}"`,
      }),
    )
    await domain.import({ tag: 'foreign', from: OTHER, replaceSource: true })

    expect(domain.digests('foreign')).toEqual([digest])
  })

  it('is not meant by a spec tag without one', async () => {
    await domain.import({ tag: 'empty', from: OTHER })

    expect(domain.digests('empty')).toEqual([digest])
  })
})

describe('importing a tag that follows a tag of the repository', () => {
  it('imports the repository’s tag', async () => {
    await domain.create({
      spec: {
        dockerImageRepository: UPSTREAM,
        tags: [{ name: 'latest', from: { kind: 'ImageStreamTag', name: '3.3' }, reference: false }],
      },
    })
    domain.remote.push(UPSTREAM, '3.3', image({ seed: 3 }))
    const run = await domain.import({ tag: 'latest' })

    expect(domain.results(run.id)).toMatchObject([{ tag: '3.3', state: 'IMPORTED' }])
    expect(domain.digests('latest')).toEqual([image({ seed: 3 }).digest, image({ seed: 2 }).digest])
  })
})

describe('importing all tags of from', () => {
  it('replaces another repository of the stream only with confirm', async () => {
    await domain.create()
    const { generation } = domain.stream()
    const input = { from: OTHER, all: true }

    expect(() => domain.beginImport(input)).toThrow(
      `the image stream has a different repository "${UPSTREAM}": confirm: true replaces it`,
    )
    await domain.import({ ...input, from: UPSTREAM })
    expect(domain.stream()).toMatchObject({ dockerImageRepository: UPSTREAM, generation })
    await domain.import({ ...input, confirm: true })
    expect(domain.stream().dockerImageRepository).toBe(OTHER)
  })

  it('sets the stream’s repository, and creates the stream with confirm', async () => {
    const run = await domain.import({
      from: UPSTREAM,
      all: true,
      confirm: true,
      importMode: 'PreserveOriginal',
    })

    expect(run).toMatchObject({ state: 'SUCCEEDED', imported: 2 })
    expect(domain.stream()).toMatchObject({
      dockerImageRepository: UPSTREAM,
      importMode: 'PreserveOriginal',
      generation: 1,
    })
    expect(domain.digests('latest')).toEqual([both.digest])
  })
})

describe('importing without from', () => {
  it('imports one tag of the repository, without reading the tag list', async () => {
    domain.remote.fail(UPSTREAM, '3.3', 'RegistryUnavailable')
    await domain.create()
    domain.remote.fail(UPSTREAM, '3.3', null)
    domain.remote.takeCalls()
    await domain.import({ tag: '3.3' })

    expect(domain.remote.requested('list')).toEqual([])
    expect(domain.digests('3.3')).toEqual([image({ seed: 2 }).digest])
    expect(specTag('3.3')).toBeUndefined()
  })

  it('imports one spec tag, and writes its options', async () => {
    await domain.create({ spec: { tags: [fromImage('a', UPSTREAM), fromImage('b', OTHER)] } })
    domain.remote.takeCalls()
    await domain.import({ tag: 'a', importMode: 'PreserveOriginal', referencePolicy: 'Local' })

    expect(specTag('a')).toMatchObject({
      importMode: 'PreserveOriginal',
      referencePolicy: 'Local',
      generation: 2,
    })
    expect(domain.digests('a')).toEqual([both.digest, image({ seed: 1 }).digest])
    expect(domain.remote.requested('resolve')).toEqual(['latest'])
  })

  it('imports the spec tags with all, where the stream has no repository', async () => {
    await domain.create({ spec: { tags: [fromImage('a', UPSTREAM), fromImage('b', OTHER)] } })

    expect(await domain.import({ all: true })).toMatchObject({ state: 'SUCCEEDED', total: 2 })
  })

  it('imports everything in the spec, and may be insecure for one import', async () => {
    await domain.create({ spec: { dockerImageRepository: UPSTREAM, tags: [fromImage('x', `${OTHER}:x`)] } })
    domain.remote.takeCalls()
    const run = await domain.import({ insecure: true })

    expect(run).toMatchObject({ unchanged: 3 })
    expect(domain.remote.calls.every(({ insecure }) => insecure)).toBe(true)
    expect(domain.stream()).toMatchObject({ insecure: 0, generation: 1 })
  })
})

describe('a mode for one import', () => {
  it('applies to unchanged tags, and does not change the spec', async () => {
    await domain.create()
    const { generation } = domain.stream()
    const run = await domain.import({ importMode: 'PreserveOriginal' })

    expect(run).toMatchObject({ imported: 1, unchanged: 1 })
    expect(domain.digests('latest')).toEqual([both.digest, image({ seed: 1 }).digest])
    expect(domain.stream()).toMatchObject({ importMode: 'Legacy', generation })
  })
})

describe('an error', () => {
  it.each<[string, Partial<ImportImageInput>]>([
    ['namespace', { namespace: 'A' }],
    ['imageStream', { imageStream: 'A' }],
    ['tag', { tag: '.x' }],
    ['tag', { tag: '.x', from: OTHER }],
    ['tag', { tag: 'x', all: true }],
    ['tag', { tag: 'nowhere' }],
    ['from', { from: 'Foo/bar' }],
    ['from', { from: `${OTHER}:x`, all: true }],
    ['from', { from: 'Foo/bar', all: true }],
    ['from', { tag: 'a', from: OTHER }],
    ['scheduled', { tag: 'b', from: `${OTHER}@${arm64.digest}`, scheduled: true }],
    ['scheduled', { tag: 'digest', scheduled: true }],
    ['replaceSource', { replaceSource: true }],
    ['replaceSource', { tag: 'a', replaceSource: true }],
    ['replaceSource', { from: OTHER, all: true, replaceSource: true }],
    ['referencePolicy', { from: OTHER, all: true, referencePolicy: 'Local' }],
    ['scheduled', { scheduled: true }],
    ['referencePolicy', { referencePolicy: 'Source' }],
  ])('is refused by the name of the argument, %s, and nothing is written', async (field, input) => {
    await domain.create({
      spec: {
        tags: [fromImage('a', UPSTREAM), fromImage('digest', `${OTHER}@${image({ seed: 'x' }).digest}`)],
      },
    })
    domain.remote.takeCalls()
    const before = domain.dump()

    expect(() => domain.beginImport(input)).toThrow(InvalidInputError)
    expect(() => domain.beginImport(input)).toThrow(expect.objectContaining({ field }))
    expect(() => domain.beginImport({ ...input, dryRun: true })).toThrow(InvalidInputError)
    expect(domain.dump()).toEqual(before)
    expect(domain.remote.calls).toEqual([])
  })

  it('is returned for a stream with an empty spec', async () => {
    await domain.create({ spec: {} })

    expect(() => domain.beginImport({ all: true })).toThrow(expect.objectContaining({ field: 'all' }))
    expect(() => domain.beginImport()).toThrow(expect.objectContaining({ field: 'imageStream' }))
  })

  it('is returned for an unknown stream without confirm', async () => {
    expect(() => domain.beginImport({ from: OTHER })).toThrow(NotFoundError)
    expect(await domain.import({ from: OTHER, confirm: true })).toMatchObject({ state: 'SUCCEEDED' })
  })
})
