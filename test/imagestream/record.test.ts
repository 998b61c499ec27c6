import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { RecordedEvent } from '../../src/imagestream/record/record-one.ts'
import type { ImportFailure, TagChange } from '../../src/imagestream/tag/tag-change.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { image } from '../fixtures/random-image.ts'
import { ALL, fromImage, TestDomain, tagName } from '../fixtures/test-domain.ts'

let domain: TestDomain
let streamId: number
/** Row ids of two images. */
let first: number
let second: number

beforeEach(async () => {
  domain = new TestDomain()
  const { stream } = await domain.create({ spec: {} })
  streamId = stream.id
  const store = (seed: number): number => {
    const { digest, bytes, mediaType, config } = image({ seed })
    const fetched = { digest, bytes, manifest: parseManifest(bytes, mediaType), config, children: [] }
    return domain.db.transact((tx) =>
      domain.images.store(tx, fetched, {
        namespace: 'default',
        pullSpec: (of) => `registry.test/ruby@${of}`,
      }),
    )
  }
  first = store(1)
  second = store(2)
})
afterEach(() => domain[Symbol.asyncDispose]())

const address = () => ({ streamId, namespace: 'default', streamName: 'ruby', tag: tagName('latest') })
const record = (change: Partial<TagChange> = {}): RecordedEvent =>
  domain.db.transact((tx) =>
    domain.recorder.recordTagEvent(tx, SYSTEM, address(), {
      imageId: first,
      dockerImageReference: 'registry.test/ruby@sha256:a',
      generation: 1,
      source: 'IMPORT',
      upstreamDigest: null,
      at: domain.time,
      ...change,
    }),
  )
const fail = (failure: Partial<ImportFailure> = {}): void =>
  domain.db.transact((tx) =>
    domain.recorder.recordImportFailure(tx, address(), {
      reason: 'NotFound',
      message: 'registry.test has no ruby:latest',
      generation: 1,
      at: domain.time,
      ...failure,
    }),
  )
const history = () =>
  domain
    .history('latest')
    .map(({ imageId, dockerImageReference, generation }) => [imageId, dockerImageReference, generation])
const tagsThatMean = (imageId: number): string[] =>
  domain.tags.ofImages(SYSTEM, [imageId], ALL).map(({ name }) => name)
const version = (): number => domain.stream().resourceVersion

const A = 'registry.test/ruby@sha256:a'
const B = 'registry.test/ruby@sha256:b'

describe('a tag event, compared with the newest one of its tag', () => {
  it('is added to a tag without a history, as a push', () => {
    expect(record()).toMatchObject({ pushed: true })

    expect(history()).toEqual([[first, A, 1]])
    expect(domain.log()).toMatchObject([{ imageId: first, previousImageId: null, tag: 'latest' }])
    expect(version()).toBe(2)
  })

  it('with the same reference, image and generation changes nothing', () => {
    const { tagEventId } = record()
    const before = domain.dump()
    domain.time += 1000

    expect(record()).toEqual({ tagEventId, pushed: false })
    expect(domain.dump()).toEqual(before)
  })

  it('with the same reference and image and a later generation raises the generation', () => {
    const { tagEventId } = record()

    expect(record({ generation: 3 })).toEqual({ tagEventId, pushed: false })
    expect(history()).toEqual([[first, A, 3]])
    expect(domain.log()).toHaveLength(1)
    expect(version()).toBe(3)
  })

  it('with an earlier generation never lowers it', () => {
    record({ generation: 3 })
    record({ generation: 2 })
    record({ generation: 2, dockerImageReference: B })

    expect(history()).toEqual([[first, B, 3]])
  })

  it('with the same reference and another image replaces the image, as a push', () => {
    const { tagEventId } = record()

    expect(record({ imageId: second })).toEqual({ tagEventId, pushed: true })
    expect(history()).toEqual([[second, A, 1]])
    expect(tagsThatMean(first)).toEqual([])
    expect(tagsThatMean(second)).toEqual(['latest'])
    expect(domain.log().map(({ imageId, previousImageId }) => [imageId, previousImageId])).toEqual([
      [first, null],
      [second, first],
    ])
  })

  it('with another reference and the same image replaces the reference, without a push', () => {
    const { tagEventId } = record()

    expect(record({ dockerImageReference: B, generation: 2 })).toEqual({ tagEventId, pushed: false })
    expect(history()).toEqual([[first, B, 2]])
    expect(domain.log()).toHaveLength(1)
    expect(version()).toBe(3)
  })

  it('with another reference and image is added, as a push', () => {
    record()
    domain.time += 1000
    const { tagEventId } = record({ imageId: second, dockerImageReference: B, generation: 2, source: 'TAG' })

    expect(history()).toEqual([
      [second, B, 2],
      [first, A, 1],
    ])
    expect(domain.tag('latest')).toMatchObject({
      newestEventId: tagEventId,
      newestAt: domain.time,
      dockerImageReference: B,
    })
    expect(tagsThatMean(second)).toEqual(['latest'])
    expect(domain.log().at(-1)).toMatchObject({
      pushedAt: domain.time,
      source: 'TAG',
      namespace: 'default',
      imageStreamName: 'ruby',
      streamId,
      dockerImageReference: B,
      imageId: second,
      previousImageId: first,
    })
  })

  it('that restores an older image is added, as a push', () => {
    record()
    record({ imageId: second, dockerImageReference: B })
    record()

    expect(history().map(([imageId]) => imageId)).toEqual([first, second, first])
    expect(domain.log()).toHaveLength(3)
  })

  it('stores the upstream digest without a new version of the stream', () => {
    record()
    const before = version()
    record({ upstreamDigest: digestOf('index') })

    expect(domain.tags.imported(streamId, tagName('latest'))?.upstreamDigest).toBe(digestOf('index'))
    expect(version()).toBe(before)
  })
})

describe('a failed import of a tag', () => {
  it('keeps the history and sets a condition', () => {
    record()
    fail({ generation: 2 })

    expect(history()).toEqual([[first, A, 1]])
    expect(domain.condition('latest')).toMatchObject({
      type: 'ImportSuccess',
      status: 'False',
      reason: 'NotFound',
      message: 'registry.test has no ruby:latest',
      generation: 2,
      lastTransitionTime: domain.time,
    })
    expect(domain.log()).toHaveLength(1)
    expect(version()).toBe(3)
  })

  it('that never had an image leaves a tag with only a condition', () => {
    fail()

    expect(domain.tag('latest')).toMatchObject({ newestEventId: null, newestAt: 0 })
    expect(domain.condition('latest')?.reason).toBe('NotFound')
    expect(domain.log()).toEqual([])
  })

  it('writes nothing when it is the same as before', () => {
    fail()
    const before = domain.dump()
    domain.time += 1000
    fail()

    expect(domain.dump()).toEqual(before)
  })

  it('for another reason changes the condition, and not its time of transition', () => {
    fail()
    const since = domain.time
    domain.time += 1000
    fail({ reason: 'Unauthorized', message: 'registry.test wants a login' })

    expect(domain.condition('latest')).toMatchObject({ reason: 'Unauthorized', lastTransitionTime: since })
    expect(version()).toBe(3)
  })

  it('is cleared by a success, also with the same image, without a push', () => {
    record()
    fail()
    const before = version()

    expect(record()).toMatchObject({ pushed: false })
    expect(domain.condition('latest')).toBeUndefined()
    expect(history()).toHaveLength(1)
    expect(version()).toBe(before + 1)
  })

  it('after a success has a new time of transition', () => {
    fail()
    record()
    domain.time += 1000
    fail()

    expect(domain.condition('latest')?.lastTransitionTime).toBe(domain.time)
  })
})

describe('a transaction of several records', () => {
  it('is stored as a whole or not at all', () => {
    const before = domain.dump()

    expect(() =>
      domain.db.transact(() => {
        record()
        fail()
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(domain.dump()).toEqual(before)
  })
})

describe('a removed tag', () => {
  const remove = (): boolean =>
    domain.db.transact((tx) =>
      domain.recorder.removeTag(tx, SYSTEM, {
        stream: domain.stream(),
        tag: tagName('latest'),
        reason: 'UNTAGGED',
      }),
    )

  it('keeps its history, loses its conditions, and its pushes stay in the log', () => {
    record()
    record({ imageId: second, dockerImageReference: B })
    fail()

    expect(remove()).toBe(true)
    expect(domain.tag('latest')).toBeUndefined()
    expect(domain.tagNames()).toEqual([])
    expect(domain.tags.removed(streamId, tagName('latest'))).toMatchObject({
      imageId: second,
      removedReason: 'UNTAGGED',
    })
    expect(domain.dump()).toMatchObject({ tag_conditions: [] })
    expect(domain.log().map(({ tag }) => tag)).toEqual(['latest', 'latest'])
  })

  it('loses its spec tag, which raises the generation', async () => {
    const spec = { tags: [fromImage('latest', 'registry.test/ruby:latest')] }
    domain.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', spec })
    const { generation } = domain.stream()

    expect(remove()).toBe(true)
    expect(domain.streams.specTags([streamId])).toEqual([])
    expect(domain.stream().generation).toBe(generation + 1)
  })

  it('that was only in the status keeps the generation, and raises the version', () => {
    record()
    const { generation, resourceVersion } = domain.stream()
    remove()

    expect(domain.stream()).toMatchObject({ generation, resourceVersion: resourceVersion + 1 })
  })

  it('that did not exist changes nothing', () => {
    const before = domain.dump()

    expect(remove()).toBe(false)
    expect(domain.dump()).toEqual(before)
  })

  it('is a removed tag again, with the spec tag that it had, once a source that fails is removed', () => {
    record()
    const spec = { tags: [fromImage('latest', 'registry.test/ruby:latest')] }
    domain.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', spec })
    remove()
    const before = domain.tags.removed(streamId, tagName('latest'))
    expect(before?.removedSpec).toContain('registry.test/ruby:latest')
    domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { tags: [fromImage('latest', 'registry.test/none:latest')] },
    })
    fail()
    expect(domain.tag('latest')?.removedAt).toBeNull()

    domain.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', spec: { tags: [] } })

    expect(domain.tag('latest')).toBeUndefined()
    expect(domain.tags.removed(streamId, tagName('latest'))).toEqual(before)
  })

  it('continues its history when it is recorded again', () => {
    record()
    remove()
    record({ imageId: second, dockerImageReference: B })

    expect(history().map(([image]) => image)).toEqual([second, first])
    expect(domain.log().at(-1)).toMatchObject({ imageId: second, previousImageId: null })
  })
})
