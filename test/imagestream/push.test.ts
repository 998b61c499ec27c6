import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { type Image, type Index, image, index } from '../fixtures/random-image.ts'
import { fromImage, REGISTRY_HOST, TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain

beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const push = (content: Image | Index, tags: readonly string[], name = 'web') =>
  domain.db.transact((tx) =>
    domain.receiver.recordPush(tx, SYSTEM, {
      repository: { namespace: 'default', name },
      digest: content.digest,
      bytes: content.bytes,
      manifest: parseManifest(content.bytes, content.mediaType),
      config: content.kind === 'image' ? content.config.bytes : null,
      tags: tags.map(tagName),
      at: domain.time,
    }),
  )

const one = image({ seed: 1 })
const two = image({ seed: 2 })

describe('a push', () => {
  it('creates a missing stream, with one event for the tag and one entry in the log', () => {
    const { streamId, imageId } = push(one, ['v1'])

    expect(domain.stream('web')).toMatchObject({ id: streamId, generation: 1, dockerImageRepository: null })
    expect(domain.history('v1', 'web')).toMatchObject([
      { imageId, generation: 1, dockerImageReference: `${REGISTRY_HOST}/default/web@${one.digest}` },
    ])
    expect(domain.log()).toMatchObject([
      { source: 'REGISTRY', namespace: 'default', imageStreamName: 'web', tag: 'v1', previousImageId: null },
    ])
  })

  it('stores the image’s metadata', () => {
    const { imageId } = push(image({ seed: 3, platform: { os: 'linux', architecture: 'arm64' } }), ['v1'])

    expect(domain.images.byIds([imageId]).get(imageId)).toMatchObject({
      os: 'linux',
      architecture: 'arm64',
      size: expect.any(Number),
    })
    expect(domain.images.configs([imageId]).size).toBe(1)
  })

  it('of another image moves the tag, and of the same one changes nothing', () => {
    const { imageId } = push(one, ['v1'])
    push(two, ['v1'])
    push(two, ['v1'])

    expect(domain.digests('v1', 'web')).toEqual([two.digest, one.digest])
    expect(domain.log()).toHaveLength(2)
    expect(domain.log()[1]).toMatchObject({ previousImageId: imageId })
  })

  it('of several tags moves each of them', () => {
    push(one, ['v1', 'latest'])

    expect(domain.log().map(({ tag }) => tag)).toEqual(['v1', 'latest'])
  })

  it('by digest stores the image, without a tag or a push', () => {
    const { imageId } = push(one, [])

    expect(domain.images.byDigest(SYSTEM, one.digest)?.id).toBe(imageId)
    expect(domain.tagNames('web')).toEqual([])
    expect(domain.log()).toEqual([])
  })

  it('of an index has its children, and their size', () => {
    push(one, [])
    push(two, [])
    const { imageId } = push(index([one, two]), ['v1'])

    expect(domain.images.byIds([imageId]).get(imageId)?.size).toBeGreaterThan(0)
  })

  it('to a tag with a spec tag has that spec tag’s generation, and the next import restores the imported image', async () => {
    domain.remote.push(UPSTREAM, 'latest', two)
    await domain.create({ spec: { tags: [fromImage('latest', `${UPSTREAM}:latest`)] } })
    push(one, ['latest'], 'ruby')
    expect(domain.digests('latest')).toEqual([one.digest, two.digest])

    await domain.import()
    expect(domain.digests('latest')).toEqual([two.digest, one.digest, two.digest])
    expect(domain.log().map(({ source }) => source)).toEqual(['IMPORT', 'REGISTRY', 'IMPORT'])
  })

  it('to an invalid stream name is refused as a whole', () => {
    const before = domain.dump()

    expect(() => push(one, ['v1'], 'a//b')).toThrow('is not an image stream')
    expect(domain.dump()).toEqual(before)
  })
})

describe('tags that the registry removes', () => {
  it('are removed with their history', () => {
    const { streamId } = push(one, ['v1', 'v2', 'v3'])
    domain.db.transact((tx) =>
      domain.receiver.removeTags(tx, SYSTEM, streamId, [tagName('v1'), tagName('v3')]),
    )

    expect(domain.tagNames('web')).toEqual(['v2'])
  })
})
