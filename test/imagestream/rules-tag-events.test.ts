import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { FollowWorld, following } from './follow-world.ts'

// record.test.ts has the table of tag events, compared with the newest one; follow.test.ts has followers.

const one = image({ seed: 1 })
const two = image({ seed: 2 })

let world: FollowWorld
beforeEach(() => {
  world = new FollowWorld()
  world.remote.push(UPSTREAM, 'latest', one)
})
afterEach(() => world[Symbol.asyncDispose]())

const failOnce = async (): Promise<void> => {
  world.remote.fail(UPSTREAM, 'latest', 'Unauthorized')
  await world.import()
  world.remote.fail(UPSTREAM, 'latest', null)
  expect(world.condition('latest')).toMatchObject({ status: 'False' })
}

describe('conditions are cleared', () => {
  beforeEach(async () => {
    await world.create({ spec: { tags: [fromImage('latest', UPSTREAM)] } })
    await failOnce()
  })

  it('when only the generation is raised', async () => {
    const tags = [fromImage('latest', UPSTREAM, { annotations: [{ key: 'a', value: 'b' }] })]
    const { importId } = world.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', spec: { tags } })
    await world.finished(importId ?? 0)

    expect(world.history('latest')).toMatchObject([{ generation: 2 }])
    expect(world.condition('latest')).toBeUndefined()
  })

  it('when a new event is added', async () => {
    world.remote.push(UPSTREAM, 'latest', two)
    await world.import()

    expect(world.digests('latest')).toEqual([two.digest, one.digest])
    expect(world.condition('latest')).toBeUndefined()
  })

  it('when the new event is a push or a tag', async () => {
    world.push(two, 'ruby:latest')
    expect(world.condition('latest')).toBeUndefined()

    await failOnce()
    world.push(one, 'web:1')
    world.retag('ruby:latest', 'web:1')
    expect(world.condition('latest')).toBeUndefined()
  })
})

describe('a tag that moved upstream', () => {
  it('is a new event and not a rewritten one, since its reference has the digest', async () => {
    await world.create()
    world.remote.push(UPSTREAM, 'latest', two)
    await world.import()

    expect(world.history('latest').map(({ dockerImageReference }) => dockerImageReference)).toEqual([
      `${UPSTREAM}@${two.digest}`,
      `${UPSTREAM}@${one.digest}`,
    ])
  })
})

describe('a tag that follows', () => {
  it.each(['latest', 'ruby:latest'])('"%s" of its own stream gets the same event', async (from) => {
    await world.create({
      spec: { dockerImageRepository: UPSTREAM, tags: [following('stable', from)] },
    })
    world.remote.push(UPSTREAM, 'latest', two)
    world.time += 1000
    await world.import()

    const [source] = world.history('latest')
    const { imageId, dockerImageReference, createdAt } = source ?? {}
    expect(world.history('stable')[0]).toMatchObject({ imageId, dockerImageReference, createdAt })
    expect(world.digests('stable')).toEqual([two.digest, one.digest])
  })

  it('through any streams moves in the transaction of its source, or not at all', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.createWith('team/app', [following('base', 'app:base', { namespace: 'default' })])
    const before = world.dump()
    const seen: string[][] = []

    const undone = () =>
      world.db.transact(() => {
        world.push(two, 'web:1')
        seen.push(world.digestsOf('app:base'), world.digestsOf('team/app:base'))
        throw new Error('undone')
      })

    expect(undone).toThrow('undone')
    expect(seen).toEqual([
      [two.digest, one.digest],
      [two.digest, one.digest],
    ])
    expect(world.dump()).toEqual(before)
  })

  it('notifies readers once together with its source: the log then has both', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    const heard: number[] = []
    const before = world.log().length
    world.changeLog.onAppend(() => heard.push(world.log().length - before))

    world.push(two, 'web:1')

    expect(new Set(heard)).toEqual(new Set([2]))
  })

  it('in a cycle over several streams is refused, and nothing is written', () => {
    world.createWith('a', [following('x', 'b:x')])
    world.createWith('b', [following('x', 'c:x')])
    const before = world.dump()

    expect(() => world.createWith('c', [following('x', 'a:x')])).toThrow(
      expect.objectContaining({ code: 'INVALID', field: 'spec.tags.0.from.name' }),
    )

    expect(world.dump()).toEqual(before)
  })
})

describe('no push', () => {
  it('results from a raised generation, a rewritten reference, a condition, or a removed tag', async () => {
    await world.create({ spec: { tags: [fromImage('latest', UPSTREAM)] } })
    const log = world.log()
    const tags = [fromImage('latest', UPSTREAM, { annotations: [{ key: 'a', value: 'b' }] })]
    const { importId } = world.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', spec: { tags } })
    await world.finished(importId ?? 0)
    world.remote.push('registry.test/mirror', 'latest', one)
    await world.import({ tag: 'latest', from: 'registry.test/mirror', replaceSource: true })
    expect(world.history('latest')).toMatchObject([
      { dockerImageReference: `registry.test/mirror@${one.digest}`, generation: 3 },
    ])
    world.remote.fail('registry.test/mirror', 'latest', 'NotFound')
    await world.import()
    expect(world.condition('latest')?.reason).toBe('NotFound')
    world.db.transact((tx) =>
      world.recorder.removeTag(tx, SYSTEM, {
        stream: world.stream(),
        tag: tagName('latest'),
        reason: 'UNTAGGED',
      }),
    )

    expect(world.log()).toEqual(log)
  })
})
