import { describe, expect, it } from 'vitest'
import { EVERYTHING } from '../../src/access/right/rights.ts'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import type { MovedTag } from '../../src/triggers/content/moved-tag.ts'
import { type Image, image, layer } from '../fixtures/random-image.ts'
import { tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { BUSY, OK, open, type World } from './world.ts'

const built = (seed: string, ...layers: readonly string[]): Image =>
  image({ seed, layers: layers.map(layer) })
const base = (version: string): Image => built(`ruby ${version}`, 'debian', `ruby ${version}`)
const onBase = (version: string, seed = 'app'): Image => built(seed, 'debian', `ruby ${version}`, seed)

/** Opens a world whose tag `ruby:latest` is the first version of a base image. */
async function withBase(): Promise<World> {
  const world = await open()
  await world.moveTo('latest', base('1'))
  return world
}
async function push(world: World, content: Image, tag = 'v1', name = 'app'): Promise<void> {
  world.db.transact((tx) =>
    world.receiver.recordPush(tx, SYSTEM, {
      repository: { namespace: 'default', name },
      digest: content.digest,
      bytes: content.bytes,
      manifest: parseManifest(content.bytes, content.mediaType),
      config: content.config.bytes,
      tags: [tagName(tag)],
      at: world.time,
    }),
  )
  world.worker.wake()
  await world.worker.idle()
}
const rebuild = (world: World, bases = 'default/*:*'): void =>
  world.trigger({ source: 'BASE_IMAGE', streams: 'app', bases })

describe('a trigger from a base image', () => {
  it('acts for the tags whose images are based on a tag that moves, and names both', async () => {
    await using world = await withBase()
    await push(world, onBase('1'))
    const moves: MovedTag[] = []
    world.answer = ({ move }) => {
      moves.push(move)
      return OK
    }
    rebuild(world)
    const digest = await world.moveTo('latest', base('2'))

    expect(world.attempts).toEqual([`1 v1 ${onBase('1').digest}`])
    expect(moves).toMatchObject([
      {
        ...{ imageStream: 'app', tag: 'v1', digest: onBase('1').digest },
        baseImage: { imageStream: 'ruby', tag: 'latest', digest, previousDigest: base('1').digest },
      },
    ])
  })

  it('is the cause of the rebuilt image’s move, and of what follows from it', async () => {
    await using world = await withBase()
    await push(world, onBase('1'))
    rebuild(world)
    world.trigger({ streams: 'app', host: 'deploy.test' })
    await world.moveTo('latest', base('2'))
    world.time += 60_000
    await push(world, onBase('2'))
    world.time += 60_000
    await push(world, onBase('2', 'by hand'))

    const deliveries = [...world.deliveries.byIds([1, 2, 3]).values()]
    expect(deliveries.map(({ triggerId, causedBy }) => [triggerId, causedBy])).toEqual([
      [1, null],
      [2, 1],
      [2, null],
    ])
  })

  it('acts for images that were pushed after its creation, and not for moves of the tags themselves', async () => {
    await using world = await withBase()
    rebuild(world)
    await push(world, onBase('1', 'a'), 'a')
    await push(world, built('b', 'alpine', 'b'), 'b')
    expect(world.attempts).toEqual([])

    await world.moveTo('latest', base('2'))
    expect(world.attempts).toEqual([`1 a ${onBase('1', 'a').digest}`])
  })

  it('does nothing for an image that is built on the new base already', async () => {
    await using world = await withBase()
    rebuild(world)
    await push(world, onBase('1'))
    world.remote.push(UPSTREAM, 'latest', base('2'))
    await world.import({ all: true })
    await push(world, onBase('2'))

    expect(world.attempts).toEqual([])
  })

  it('acts once, for the newest base, after many moves during an outage', async () => {
    await using world = await withBase()
    rebuild(world)
    await push(world, onBase('1'))
    world.answer = () => BUSY
    for (const version of ['2', '3', '4']) await world.moveTo('latest', base(version))
    const attempts = world.attempts.length
    const bases: (string | undefined)[] = []
    world.answer = ({ move }) => {
      bases.push(move.baseImage?.digest)
      return OK
    }
    await world.later(5_000)

    expect(attempts).toBe(3)
    expect(bases).toEqual([base('4').digest])
  })

  it('reacts to the bases alone that its pattern matches', async () => {
    await using world = await withBase()
    await push(world, onBase('1'))
    rebuild(world, 'default/debian*:*')
    rebuild(world, 'default/ruby:3.*')
    rebuild(world, 'other/*:*')
    rebuild(world, '*/ruby:latest')
    await world.moveTo('latest', base('2'))

    expect(world.attempts).toEqual([`4 v1 ${onBase('1').digest}`])
  })

  it('reacts to no base that the principal who named it may not pull any longer', async () => {
    await using world = await withBase()
    await push(world, onBase('1'))
    world.trigger({ source: 'BASE_IMAGE', streams: 'app', bases: 'default/*:*', basesNamedBy: 'user:1' })
    world.rightsOf = (principal) => ({ ...EVERYTHING, may: () => principal !== 'user:1' })
    await world.moveTo('latest', base('2'))
    expect(world.attempts).toEqual([])
  })

  it('acts for each of very many tags that existed before, under an id of its own, although they have one image', async () => {
    await using world = await withBase()
    for (let at = 0; at < 120; at++) await push(world, onBase('1'), `v${at}`)
    rebuild(world)
    const ids = new Set<string>()
    world.answer = ({ webhookId }) => {
      ids.add(webhookId)
      return OK
    }
    await world.moveTo('latest', base('2'))

    expect(new Set(world.attempts).size).toBe(120)
    expect(ids.size).toBe(120)
  })

  it('reacts to bases that move while those of very many tags are read, and delays no other trigger', async () => {
    await using world = await withBase()
    for (let at = 0; at < 120; at++) await push(world, onBase('1'), `v${at}`)
    world.trigger({ streams: 'ruby', host: 'deploy.test' })
    rebuild(world)
    let attempted = 0
    world.answer = ({ trigger }) => {
      attempted++
      if (trigger.id === 1) expect(attempted).toBe(1)
      return OK
    }
    world.remote.push(UPSTREAM, 'latest', base('2'))
    await world.import({ all: true })
    world.worker.wake()
    await world.worker.idle()

    expect(world.attempts).toHaveLength(121)
    expect(world.attempts[0]).toContain('1 latest')
  })

  it('does nothing for a tag that was removed, nor for an image that adds layers to the image before it', async () => {
    await using world = await withBase()
    rebuild(world)
    await push(world, onBase('1'))
    world.tagRemoval.remove(SYSTEM, { namespace: 'default', imageStream: 'app', tag: 'v1' })
    await push(world, onBase('1', 'x'), 'own')
    await push(world, built('y', 'debian', 'ruby 1', 'x', 'y'), 'own')
    expect(world.attempts).toEqual([])

    await world.moveTo('latest', base('2'))
    expect(world.attempts).toEqual([`1 own ${built('y', 'debian', 'ruby 1', 'x', 'y').digest}`])
  })

  it('judges its guards by the base image: its age, its platforms, its signature', async () => {
    await using world = await withBase()
    await push(world, onBase('1'))
    world.trigger({
      ...{ source: 'BASE_IMAGE', streams: 'app', bases: 'default/*:*' },
      guards: { minimumAgeSeconds: 60 },
    })
    world.time += 3_600_000
    await world.moveTo('latest', base('2'))
    expect(world.attempts).toEqual([])

    await world.later(60_000)
    expect(world.attempts).toHaveLength(1)
  })
})

describe('a trigger from a policy', () => {
  it('acts for moves that the policy of a tag makes, and not for pushes to it or moves of other tags', async () => {
    await using world = await open()
    world.writer.update(SYSTEM, {
      ...{ namespace: 'default', name: 'ruby' },
      spec: { tags: [{ name: 'stable', policy: { order: 'SEMVER' }, reference: false }] },
    })
    world.trigger({ source: 'POLICY' })
    const first = await world.move('1.0.0', 'a')
    const second = await world.move('1.1.0', 'b')
    await world.move('1.0.1', 'c')
    await world.move('latest', 'd')
    await push(world, image({ seed: 'e' }), 'stable', 'ruby')

    expect(world.attempts).toEqual([`1 stable ${first}`, `1 stable ${second}`])
  })
})
