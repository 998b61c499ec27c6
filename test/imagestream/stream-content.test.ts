import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { StreamContent, TaggedContent } from '../../src/imagestream/record/stream-content.ts'
import { REGISTRY_HOST, UPSTREAM } from '../fixtures/test-domain.ts'
import { FollowWorld, following, one, two } from './follow-world.ts'

// Line 16: the content of a tag's image comes with the event of the tag.

const here = (path: string, { digest } = one): string => `${REGISTRY_HOST}/${path}@${digest}`

/** A registry that serves every image, and remembers what it was asked for. */
class EveryImage implements StreamContent {
  asked = new Set<string>()

  share(_tx: unknown, { stream, dockerImageReference, copiedFrom }: TaggedContent): string {
    const from = copiedFrom ? `of ${copiedFrom.namespace}/${copiedFrom.name}` : 'imported'
    this.asked.add(`${stream.namespace}/${stream.name}: ${dockerImageReference} ${from}`)
    return dockerImageReference.replace(/^.*@/, `own/${stream.namespace}/${stream.name}@`)
  }
}

let content: EveryImage
let world: FollowWorld
beforeEach(() => {
  content = new EveryImage()
  world = new FollowWorld({ content })
})
afterEach(() => world[Symbol.asyncDispose]())

const pullSpecs = (at: string): string[] =>
  world.eventsOf(at).map(({ dockerImageReference }) => dockerImageReference)

describe('the content of an image that a tag gets from another stream', () => {
  it('is requested for the stream of the tag, and the event and the push have the pull spec there', () => {
    world.push(one, 'web:1')
    world.retag('shop:prod', 'web:1')

    expect([...content.asked]).toEqual([`default/shop: ${here('default/web')} of default/web`])
    expect(pullSpecs('shop:prod')).toEqual([`own/default/shop@${one.digest}`])
    expect(world.log().at(-1)).toMatchObject({ dockerImageReference: `own/default/shop@${one.digest}` })
  })

  it('is requested for each follower of a push, by the stream that it follows', () => {
    world.createWith('shop', [following('prod', 'web:1')])
    world.createWith('mall', [following('live', 'shop:prod')])
    world.push(one, 'web:1')

    expect([...content.asked]).toEqual([
      `default/shop: ${here('default/web')} of default/web`,
      `default/mall: ${here('default/web')} of default/shop`,
    ])
    expect(pullSpecs('web:1')).toEqual([here('default/web')])
    expect(pullSpecs('mall:live')).toEqual([`own/default/mall@${one.digest}`])
  })

  it('is requested again when the tag is set again, and the history keeps one entry', () => {
    world.push(one, 'web:1')
    world.retag('shop:prod', 'web:1')
    content.asked.clear()
    world.retag('shop:prod', 'web:1')

    expect(content.asked.size).toBe(1)
    expect(pullSpecs('shop:prod')).toHaveLength(1)
    expect(world.log()).toHaveLength(2)
  })

  it('is requested for a roll-back', () => {
    for (const each of [one, two]) {
      world.push(each, 'web:1')
      world.retag('shop:prod', 'web:1')
    }
    world.rollBackTag(SYSTEM, { namespace: 'default', imageStream: 'shop', tag: 'prod', digest: one.digest })

    expect([...content.asked].at(-1)).toBe(`default/shop: own/default/shop@${one.digest} of default/shop`)
  })

  it('stays with its source where no integrated registry serves it', async () => {
    await using external = new FollowWorld({ content: null })
    external.push(one, 'web:1')
    external.retag('shop:prod', 'web:1')

    expect(external.history('prod', 'shop')).toMatchObject([{ dockerImageReference: here('default/web') }])
  })
})

describe('the content of an imported image', () => {
  it('is requested for its stream, and the event keeps the pull spec of its source', async () => {
    world.remote.push(UPSTREAM, 'latest', one)
    world.createWith('shop', [following('prod', 'ruby:latest')])
    await world.create()

    const source = `${UPSTREAM}@${one.digest}`
    expect([...content.asked]).toEqual([
      `default/ruby: ${source} imported`,
      `default/shop: ${source} of default/ruby`,
    ])
    expect(pullSpecs('ruby:latest')).toEqual([source])
  })
})
