import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { deleteEvent, pushEvent } from '../fixtures/notifications.ts'
import { image, index } from '../fixtures/random-image.ts'
import { tagName } from '../fixtures/test-domain.ts'
import { ExternalWorld, HOST } from './world.ts'

const [one, two, three] = [image({ seed: 1 }), image({ seed: 2 }), image({ seed: 3 })]
const multi = index([
  image({ seed: 4 }),
  image({ seed: 5, platform: { os: 'linux', architecture: 'arm64' } }),
])

let world: ExternalWorld
beforeEach(() => {
  world = new ExternalWorld()
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
  expect(world.internalErrors).toEqual([])
})

const open = () => world.inbox.open(100).map(({ eventId }) => eventId)

describe('a notification of a push', () => {
  it('creates the stream, and is recorded with the registry’s pull spec', async () => {
    await world.pushAndTell('shop/web', 'v1', one)

    const stream = world.domain.streams.byName(SYSTEM, 'shop', 'web')
    const [tag] = world.domain.tags.named([stream?.id ?? 0], tagName('v1'))
    expect(tag).toMatchObject({
      dockerImageReference: `${HOST}/shop/web@${one.digest}`,
      generation: stream?.generation,
      image: { digest: one.digest, os: 'linux', architecture: 'amd64' },
    })
    expect(world.domain.log()).toMatchObject([{ source: 'REGISTRY', tag: 'v1', previousImageId: null }])
    expect(open()).toEqual([])
  })

  it('of a repository of one part belongs to the namespace default, and keeps its path', async () => {
    await world.pushAndTell('web', 'v1', one)

    expect(world.digest('default', 'web', 'v1')).toBe(one.digest)
    expect(world.domain.log()[0]?.dockerImageReference).toBe(`${HOST}/web@${one.digest}`)
  })

  it('of a tag with a spec tag has the generation of the spec tag', async () => {
    const { stream } = world.domain.writer.create(SYSTEM, {
      namespace: 'shop',
      name: 'web',
      spec: { tags: [{ name: 'v1', reference: false }] },
    })
    world.domain.writer.update(SYSTEM, {
      namespace: 'shop',
      name: 'web',
      spec: { lookupPolicy: { local: true } },
    })
    await world.pushAndTell('shop/web', 'v1', one)
    await world.pushAndTell('shop/web', 'v2', one)

    const generationOf = (tag: string) => world.domain.tags.named([stream.id], tagName(tag))[0]?.generation
    expect([generationOf('v1'), generationOf('v2')]).toEqual([1, 2])
  })

  it('stores an index with all its images and configs, each fetched once', async () => {
    await world.pushAndTell('shop/web', 'v1', multi)
    await world.pushAndTell('shop/web', 'v2', multi)

    expect(world.domain.images.byDigest(SYSTEM, multi.digest)?.size).toBeGreaterThan(0)
    for (const child of multi.manifests)
      expect(world.domain.images.byDigest(SYSTEM, child.digest)).toBeDefined()
    expect(world.registry.requested('config')).toHaveLength(2)
    expect(world.log()).toEqual([`shop/web:v1 ${multi.digest}`, `shop/web:v2 ${multi.digest}`])
  })

  it('by digest stores the image and creates the stream, without a tag', async () => {
    world.push('shop/web', 'unsaid', one)
    await world.tellPush({ repository: 'shop/web', digest: one.digest })

    expect(world.domain.streams.byName(SYSTEM, 'shop', 'web')).toBeDefined()
    expect(world.domain.images.byDigest(SYSTEM, one.digest)).toBeDefined()
    expect(world.digest('shop', 'web', 'unsaid')).toBeUndefined()
    expect(world.log()).toEqual([])
  })

  it('is recorded once for any number of deliveries', async () => {
    world.push('shop/web', 'v1', one)
    const event = pushEvent({ tag: 'v1', digest: one.digest, at: world.domain.time })
    await Promise.all([world.notify(event), world.notify(event, event)])
    await world.external.idle()
    await world.notify(event)
    await world.external.idle()

    expect(world.log()).toEqual([`shop/web:v1 ${one.digest}`])
  })

  it('of a tag that has moved again is still recorded, in order', async () => {
    world.push('shop/web', 'v1', one).push('shop/web', 'v1', two).push('shop/web', 'v1', three)
    const at = world.domain.time
    await world.notify(
      pushEvent({ tag: 'v1', digest: one.digest, at }),
      pushEvent({ tag: 'v1', digest: two.digest, at: at + 1 }),
      pushEvent({ tag: 'v1', digest: three.digest, at: at + 2 }),
    )
    await world.external.idle()

    expect(world.log()).toEqual([one, two, three].map(({ digest }) => `shop/web:v1 ${digest}`))
  })

  it('has no effect if the registry no longer has the image', async () => {
    await world.tellPush({ repository: 'shop/web', tag: 'v1', digest: one.digest })

    expect(world.domain.streams.byName(SYSTEM, 'shop', 'web')).toBeUndefined()
    expect(open()).toEqual([])
  })

  it('of an image that only another repository has is not recorded', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    await world.tellPush({ repository: 'shop/other', tag: 'v1', digest: one.digest })

    expect(world.domain.streams.byName(SYSTEM, 'shop', 'other')).toBeUndefined()
  })

  it('of an unreadable image is handled, with a warning', async () => {
    world.push('shop/web', 'v1', one)
    world.registry.push(`${HOST}/shop/web`, 'bad', {
      ...one,
      digest: two.digest,
      mediaType: 'application/vnd.docker.distribution.manifest.v1+json',
    })
    await world.tellPush({ repository: 'shop/web', tag: 'bad', digest: two.digest })

    expect(open()).toEqual([])
    expect(world.warnings).toEqual([
      expect.stringContaining(`the push to shop/web:bad@${two.digest} is not recorded`),
    ])
  })
})

describe('a repository whose name is nested or has underscores', () => {
  it.each([
    ['a/b/c', 'a', 'b/c'],
    ['under_score/web', 'under_score', 'web'],
    ['shop/under_score', 'shop', 'under_score'],
  ])('%s is the stream of its first component, and its other components', async (path, namespace, name) => {
    await world.pushAndTell(path, 'v1', one)
    world.push(path, 'v2', two)
    await world.external.reconcile()

    expect(world.log()).toEqual([`${path}:v1 ${one.digest}`, `${path}:v2 ${two.digest}`])
    expect(world.domain.streams.byName(SYSTEM, namespace, name)).toBeDefined()
    expect(world.warnings).toEqual([])
    expect(open()).toEqual([])
  })
})

describe('a late notification', () => {
  it('does not add an older image to the history', async () => {
    const { time } = world.domain
    world.push('shop/web', 'v1', one).push('shop/web', 'v1', two)
    await world.tellPush({ tag: 'v1', digest: two.digest, at: time + 1 })
    await world.tellPush({ tag: 'v1', digest: one.digest, at: time })

    expect(world.log()).toEqual([`shop/web:v1 ${two.digest}`])
    expect(open()).toEqual([])
  })

  it('is recorded when the registry still returns the image: its clock was behind', async () => {
    const { time } = world.domain
    world.push('shop/web', 'v1', one)
    await world.tellPush({ tag: 'v1', digest: one.digest, at: time + 5000 })
    world.push('shop/web', 'v1', two)
    await world.tellPush({ tag: 'v1', digest: two.digest, at: time })

    expect(world.log()).toEqual([one, two].map(({ digest }) => `shop/web:v1 ${digest}`))
  })

  it('does not restore a tag that was deleted since', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    const late = pushEvent({ tag: 'v1', digest: one.digest, at: world.domain.time - 1 })
    world.registry.untag(`${HOST}/shop/web`, 'v1')
    await world.tellDelete({ tag: 'v1' })
    await world.notify(late)
    await world.external.idle()

    expect(world.digest('shop', 'web', 'v1')).toBeUndefined()
    expect(world.log()).toHaveLength(1)
  })
})

describe('a notification of a deletion', () => {
  it('of a tag removes it with its history', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    await world.pushAndTell('shop/web', 'v2', one)
    world.registry.untag(`${HOST}/shop/web`, 'v1')
    await world.tellDelete({ tag: 'v1' })

    expect(world.digest('shop', 'web', 'v1')).toBeUndefined()
    expect(world.digest('shop', 'web', 'v2')).toBe(one.digest)
  })

  it('of a tag that exists again keeps it', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    await world.tellDelete({ tag: 'v1' })

    expect(world.digest('shop', 'web', 'v1')).toBe(one.digest)
  })

  it('of a tag keeps it when the notification of its next push arrives during the request', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    const { time } = world.domain
    world.registry.untag(`${HOST}/shop/web`, 'v1')
    const held = world.registry.hold(({ kind }) => kind === 'resolve')
    await world.notify(deleteEvent({ tag: 'v1', at: time + 1 }))
    await held.reached
    await world.notify(pushEvent({ tag: 'v1', digest: two.digest, at: time + 2 }))
    held.release()
    world.push('shop/web', 'kept', two)
    await world.external.idle()

    expect(world.log()).toEqual([one, two].map(({ digest }) => `shop/web:v1 ${digest}`))
    expect(world.digest('shop', 'web', 'v1')).toBe(two.digest)
  })

  it('by digest removes the tags that pointed to it and no longer exist', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    await world.pushAndTell('shop/web', 'v2', two)
    await world.pushAndTell('shop/web', 'v3', one)
    for (const tag of ['v1', 'v2']) world.registry.untag(`${HOST}/shop/web`, tag)
    await world.tellDelete({ digest: one.digest })

    expect(['v1', 'v2', 'v3'].map((tag) => world.digest('shop', 'web', tag))).toEqual([
      undefined,
      two.digest,
      one.digest,
    ])
  })

  it('of a blob causes no request', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    world.registry.takeCalls()
    await world.tellDelete({ digest: one.config.digest })

    expect(world.registry.takeCalls()).toEqual([])
    expect(world.digest('shop', 'web', 'v1')).toBe(one.digest)
  })

  it('of a whole repository removes every tag that no longer exists', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    await world.pushAndTell('shop/web', 'v2', two)
    world.registry.forget(`${HOST}/shop/web`)
    await world.tellDelete({})

    expect(['v1', 'v2'].map((tag) => world.digest('shop', 'web', tag))).toEqual([undefined, undefined])
  })

  it('keeps a tag that was imported or pushed from another place since', async () => {
    world.registry.push('elsewhere.test/web', 'v1', two)
    await world.pushAndTell('shop/web', 'v1', one)
    const importId = world.domain.importImage(SYSTEM, {
      namespace: 'shop',
      imageStream: 'web',
      tag: 'v1',
      from: 'elsewhere.test/web:v1',
      all: false,
      confirm: false,
      dryRun: false,
    })
    await world.domain.finished(importId)
    world.registry.untag(`${HOST}/shop/web`, 'v1')
    await world.tellDelete({ tag: 'v1' })

    expect(world.digest('shop', 'web', 'v1')).toBe(two.digest)
  })
})
