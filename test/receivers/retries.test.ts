import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WHILE_BEHIND, WHILE_UNAVAILABLE } from '../../src/receivers/retries.ts'
import { image } from '../fixtures/random-image.ts'
import { type Issued, ReceiverWorld, SOURCE } from './receiver-world.ts'

const [one, two, three] = [image({ seed: 1 }), image({ seed: 2 }), image({ seed: 3 })]

let world: ReceiverWorld
let issued: Issued
beforeEach(async () => {
  world = new ReceiverWorld()
  world.push('v1', one)
  await world.follow()
  issued = world.create()
})
afterEach(async () => {
  expect(world.errors).toEqual([])
  await world[Symbol.asyncDispose]()
})

/** Milliseconds before each attempt, until no hint waits. */
const waits = async (): Promise<number[]> => {
  const waited: number[] = []
  for (let time = await world.retry(); time !== undefined; time = await world.retry()) waited.push(time)
  return waited
}

describe('a hint while the registry does not respond', () => {
  it.each(['RegistryUnavailable', 'TooManyRequests'] as const)(
    'with %s is retried until it responds',
    async (reason) => {
      world.push('v1', two)
      world.domain.remote.fail(SOURCE, 'v1', reason)
      await world.notify(issued, { tag: 'v1', digest: two.digest })
      expect(world.targets(issued)).toEqual(['app:v1 OPEN'])
      await world.retry()

      world.domain.remote.fail(SOURCE, 'v1', null)
      const waited = await waits()

      expect(waited).toEqual([WHILE_UNAVAILABLE[1]])
      expect(world.domain.digests('v1', 'app')).toEqual([two.digest, one.digest])
      expect(world.targets(issued)).toEqual(['app:v1 FINISHED'])
    },
  )

  it('ends with a condition after the last retry', async () => {
    world.domain.remote.fail(SOURCE, 'v1', 'RegistryUnavailable')
    await world.notify(issued, { tag: 'v1' })

    expect(await waits()).toEqual([...WHILE_UNAVAILABLE])
    expect(world.targets(issued)).toEqual(['app:v1 FAILED'])
    expect(world.domain.condition('v1', 'app')).toMatchObject({ reason: 'RegistryUnavailable' })
  })

  it('is retried also for a whole repository', async () => {
    world.domain.remote.fail(SOURCE, '', 'RegistryUnavailable')
    await world.notify(issued, {})
    world.domain.remote.fail(SOURCE, '', null)
    world.push('v2', two)

    expect(await waits()).toEqual([WHILE_UNAVAILABLE[0]])
    expect(world.domain.digests('v2', 'app')).toEqual([two.digest])
  })

  it('for some tags of a repository is retried for these', async () => {
    world.push('v2', two).push('v3', two)
    world.domain.remote.fail(SOURCE, 'v2', 'TooManyRequests')
    await world.notify(issued, {})
    expect(world.targets(issued)).toEqual(['app:* FINISHED', 'app:v2 OPEN'])
    world.domain.remote.fail(SOURCE, 'v2', null)
    world.domain.remote.takeCalls()

    expect(await waits()).toEqual([WHILE_UNAVAILABLE[0]])
    expect(world.domain.remote.requested('resolve')).toEqual(['v2'])
    expect(world.domain.digests('v2', 'app')).toEqual([two.digest])
  })

  it('is retried after a restart', async () => {
    world.domain.remote.fail(SOURCE, 'v1', 'RegistryUnavailable')
    await world.notify(issued, { tag: 'v1' })
    world.timer = undefined

    world.worker.wake()
    await world.settle()

    expect(world.timer).toMatchObject({ milliseconds: WHILE_UNAVAILABLE[0] })
  })
})

describe('a registry that reports a push before it returns the image', () => {
  it('is requested again after a few seconds', async () => {
    await world.notify(issued, { tag: 'v1', digest: two.digest })
    expect(world.domain.digests('v1', 'app')).toEqual([one.digest])
    world.push('v1', two)

    expect(await waits()).toEqual([WHILE_BEHIND[0]])
    expect(world.domain.digests('v1', 'app')).toEqual([two.digest, one.digest])
  })

  it('is requested again for a tag that does not exist yet', async () => {
    await world.notify(issued, { tag: 'v9', digest: two.digest })
    world.push('v9', two)

    expect(await waits()).toEqual([WHILE_BEHIND[0]])
    expect(world.domain.digests('v9', 'app')).toEqual([two.digest])
  })

  it('and never returns it is requested a limited number of times', async () => {
    world.domain.remote.takeCalls()
    await world.notify(issued, { tag: 'v1', digest: two.digest })

    expect(await waits()).toEqual([...WHILE_BEHIND])
    expect(world.domain.remote.requested('resolve')).toHaveLength(1 + WHILE_BEHIND.length)
    expect(world.domain.digests('v1', 'app')).toEqual([one.digest])
  })

  it('is not requested again when it has a newer image, or reports one', async () => {
    world.push('v1', three)
    await world.notify(issued, { tag: 'v1', digest: two.digest })
    expect(await waits()).toEqual([])

    const held = world.domain.remote.hold(({ kind }) => kind === 'resolve')
    await world.deliver(issued, world.notification(issued, { tag: 'v1', digest: one.digest }))
    await held.reached
    await world.deliver(issued, world.notification(issued, { tag: 'v1', digest: three.digest }))
    await world.worker.idle()
    held.release()
    await world.settle()
    expect(await waits()).toEqual([])
  })

  it('is not requested again when it refuses access', async () => {
    world.domain.remote.fail(SOURCE, 'v1', 'Unauthorized')
    await world.notify(issued, { tag: 'v1', digest: two.digest })

    expect(await waits()).toEqual([])
  })
})
