import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { startApp } from '../fixtures/app.ts'
import { image, layer } from '../fixtures/random-image.ts'
import { REGISTRY_HOST, UPSTREAM } from '../fixtures/test-domain.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { follow } from '../flows/operations.ts'
import { FollowWorld } from './follow-world.ts'

const one = image({ seed: 1 })
const two = image({ seed: 2 })

let world: FollowWorld
beforeEach(() => {
  world = new FollowWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

describe('an image stream', () => {
  it('stores no layers: an import fetches only manifests and configs', async () => {
    const layers = [layer('a'), layer('b')]
    const content = image({ seed: 1, layers })
    await using upstream = await startUpstream()
    await using app = await startApp()
    upstream.push('team/app', 'latest', content)

    await follow(app.client, `${upstream.host}/team/app`)

    const fetched = upstream.log.flatMap(({ kind, reference }) => (kind === 'blob' ? [reference] : []))
    expect(fetched).toEqual([content.config.digest])
    const { integratedRegistry } = await app.client.request<{ integratedRegistry: { usage: object } }>(
      '{ integratedRegistry { usage { blobCount manifestCount logicalSize } } }',
    )
    expect(integratedRegistry.usage).toEqual({ blobCount: 0, manifestCount: 0, logicalSize: 0 })
  })

  it('stores which image each tag pointed to, and since when', async () => {
    const times = []
    for (const content of [one, two]) {
      world.remote.push(UPSTREAM, 'latest', content)
      world.time += 60_000
      times.unshift(world.time)
      await (times.length === 1 ? world.create() : world.import())
    }

    expect(world.digests('latest')).toEqual([two.digest, one.digest])
    expect(world.history('latest').map(({ createdAt }) => createdAt)).toEqual(times)
  })
})

describe('a tag event', () => {
  it('has its time, a pull spec by digest, the image and the generation; the newest is the tag’s image', async () => {
    world.remote.push(UPSTREAM, 'latest', one)
    await world.create()
    world.remote.push(UPSTREAM, 'latest', two)
    world.time += 1000
    await world.import()

    const [newest, oldest] = world.history('latest')
    const known = world.images.byDigests(SYSTEM, [one.digest, two.digest])
    expect(newest).toMatchObject({
      createdAt: world.time,
      dockerImageReference: `${UPSTREAM}@${two.digest}`,
      imageId: known.get(two.digest)?.id,
      generation: 1,
    })
    expect(oldest).toMatchObject({ createdAt: world.time - 1000, imageId: known.get(one.digest)?.id })
    expect(world.tag('latest')).toMatchObject({ newestEventId: newest?.id, image: { digest: two.digest } })
  })
})

describe('an image', () => {
  it('is stored once for all streams and namespaces, by its digest', async () => {
    world.remote.push(UPSTREAM, 'latest', one).push('registry.test/other', 'latest', one)
    await world.create()
    await world.create({ name: 'other', spec: { dockerImageRepository: 'registry.test/other' } })
    world.push(one, 'team/web:1')
    world.retag('shop/web:2', { kind: 'ImageStreamTag', name: 'web:1', namespace: 'team' })

    expect(world.dump().images).toHaveLength(1)
    const tags = ['ruby:latest', 'other:latest', 'team/web:1', 'shop/web:2']
    expect(tags.map((tag) => world.digestsOf(tag))).toEqual(tags.map(() => [one.digest]))
  })

  it('is never changed later; only its pull spec is the one where it was last found', async () => {
    world.push(one, 'web:1')
    const { image_configs, ...before } = world.dump()

    world.remote.push(UPSTREAM, 'latest', one)
    await world.create()
    expect(world.images.byDigest(SYSTEM, one.digest)?.dockerImageReference).toBe(`${UPSTREAM}@${one.digest}`)
    world.push(one, 'team/web:1')

    const docker_image_reference = `${REGISTRY_HOST}/team/web@${one.digest}`
    const images = before.images?.map((row) => Object.assign({}, row, { docker_image_reference }))
    expect(world.dump()).toMatchObject({ images, image_configs })
  })
})

describe('an image enters a stream', () => {
  it('by an import, a push or tagging, as one entry of the history and one of the log with its source', async () => {
    world.remote.push(UPSTREAM, 'latest', one)
    await world.create()
    world.push(two, 'ruby:latest')
    world.push(one, 'web:1')
    world.retag('ruby:latest', 'web:1')

    expect(world.digests('latest')).toEqual([one.digest, two.digest, one.digest])
    const pushes = world.log().filter(({ imageStreamName }) => imageStreamName === 'ruby')
    expect(pushes.map(({ source }) => source)).toEqual(['IMPORT', 'REGISTRY', 'TAG'])
    expect(pushes.map(({ imageId }) => imageId)).toEqual(
      world
        .history('latest')
        .map(({ imageId }) => imageId)
        .reverse(),
    )
  })

  it('by the same rules: the current image of a tag is neither an entry nor a push', async () => {
    world.push(one, 'web:1')
    world.remote.push(UPSTREAM, '1', one)
    const pushes = world.log().length
    const images = world.digests('1', 'web')

    world.push(one, 'web:1')
    world.retag('web:1', { kind: 'ImageStreamImage', name: `web@${one.digest}` })
    await world.import({ imageStream: 'web', tag: '1', from: `${UPSTREAM}:1`, replaceSource: true })

    expect(world.digests('1', 'web')).toEqual(images)
    expect(world.log()).toHaveLength(pushes)
  })
})
