import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { ObjectReferenceInput } from '../../src/imagestream/spec/spec.ts'
import { image } from '../fixtures/random-image.ts'
import { ALL, fromImage, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { FollowWorld, following, one, two } from './follow-world.ts'

let world: FollowWorld
beforeEach(() => {
  world = new FollowWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const APP = { namespace: 'default', name: 'app' }
const BASE = { namespace: 'default', imageStream: 'app', tag: 'base' }

const sourceOfBase = () => world.streams.specTag(world.stream('app').id, tagName('base'))?.fromName

/** Deletes and restores the stream, or removes and restores its tag. */
const WAYS = {
  'the tag': () => {
    world.tagRemoval.remove(SYSTEM, BASE)
    world.time += 1
    world.tagRemoval.restore(SYSTEM, BASE)
  },
  'the stream': () => {
    const { uid } = world.streamRemoval.delete(SYSTEM, APP).stream
    world.time += 1
    world.streamRemoval.restore(SYSTEM, { uid })
  },
}

describe.each(Object.entries(WAYS))('%s that is restored', (_, removeAndRestore) => {
  it.each<[string, ObjectReferenceInput, { reference?: boolean }]>([
    ['an image', { kind: 'ImageStreamImage', name: `web@${one.digest}` }, {}],
    ['a copied tag', { kind: 'ImageStreamTag', name: 'web:1' }, { reference: true }],
  ])('keeps its last image, though its spec names %s that it had before', (_source, from, more) => {
    world.push(one, 'web:1')
    world.retag('app:base', from, more)
    const pinned = sourceOfBase()
    world.push(two, 'app:base')
    world.push(image({ seed: 3 }), 'web:1')
    const before = world.log().length

    removeAndRestore()

    expect(world.digestsOf('app:base')).toEqual([two.digest, two.digest, one.digest])
    expect(world.logged(before)).toEqual(['TAG app:base'])
    expect(sourceOfBase()).toBe(pinned)
  })

  it('gets the present image of the tag that it follows', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.push(two, 'web:1')

    removeAndRestore()

    expect(world.digestsOf('app:base')[0]).toBe(two.digest)
  })

  it('has its source, also when its registry has been blocked since', async () => {
    world.remote.push(UPSTREAM, '1', one)
    await world.create({ name: 'app', spec: { tags: [fromImage('base', `${UPSTREAM}:1`)] } })
    world.blockedBy = 'the registry is blocked'

    removeAndRestore()

    expect(world.digestsOf('app:base')[0]).toBe(one.digest)
    expect(sourceOfBase()).toBe(`${UPSTREAM}:1`)
  })
})

describe('a stream that is restored under another name', () => {
  const OLD = { namespace: 'team', name: 'sub/app' }
  const sources = () => {
    const stream = world.streams.byName(SYSTEM, OLD.namespace, OLD.name)
    return Object.fromEntries(
      world.streams
        .specTags([stream?.id ?? 0])
        .map(({ name, fromNamespace, fromName }) => [name, [fromNamespace, fromName]]),
    )
  }

  it('follows its own tags, and the same tags of other streams, and not those of a new stream of its name', () => {
    world.push(one, 'web:1')
    world.push(one, 'app:1')
    world.specify('app', [
      following('own', 'app:1'),
      following('implied', '1'),
      following('other', 'web:1'),
      { name: 'pinned', from: { kind: 'ImageStreamImage', name: `app@${one.digest}` }, reference: false },
    ])
    const { uid } = world.streamRemoval.delete(SYSTEM, APP).stream
    world.push(two, 'app:1')
    const before = world.log().length

    world.streamRemoval.restore(SYSTEM, { uid, ...OLD })

    expect(sources()).toEqual({
      own: ['team', 'sub/app:1'],
      implied: [null, '1'],
      other: ['default', 'web:1'],
      pinned: ['team', `sub/app@${one.digest}`],
    })
    const { id } = world.streams.byName(SYSTEM, OLD.namespace, OLD.name) ?? { id: 0 }
    const tags = world.tags.ofStreams([id], { order: 'NAME', page: ALL })
    expect(tags.map(({ name, image }) => [name, image?.digest])).toEqual(
      ['1', 'implied', 'other', 'own', 'pinned'].map((name) => [name, one.digest]),
    )
    expect(world.log()).toHaveLength(before + 5)
  })

  it('has the same sources when it is restored under its name', () => {
    world.push(one, 'app:1')
    world.specify('app', [following('own', 'app:1'), following('implied', '1')])
    const { uid } = world.streamRemoval.delete(SYSTEM, APP).stream
    const { stream } = world.streamRemoval.restore(SYSTEM, { uid })

    expect(
      world.streams.specTags([stream.id]).map(({ fromName, fromNamespace }) => [fromNamespace, fromName]),
    ).toEqual([
      [null, 'app:1'],
      [null, '1'],
    ])
  })
})
