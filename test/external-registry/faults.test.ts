import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pushEvent } from '../fixtures/notifications.ts'
import { image } from '../fixtures/random-image.ts'
import { ExternalWorld, HOST } from './world.ts'

const [one, two, three] = [image({ seed: 1 }), image({ seed: 2 }), image({ seed: 3 })]

let folder: string
let world: ExternalWorld
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'external-'))
  world = new ExternalWorld(join(folder, 'streams.db'))
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const web = `${HOST}/shop/web`
const open = (): number => world.inbox.open(100).length
const pushOf = (content: typeof one, tag = 'v1', repository = 'shop/web') =>
  pushEvent({ repository, tag, digest: content.digest, at: world.domain.time })

describe('an unavailable registry', () => {
  it('is requested again after increasing delays, and the order is kept', async () => {
    world.push('shop/web', 'v1', one).push('shop/web', 'v1', two)
    world.registry.fail(web, one.digest, 'RegistryUnavailable')
    await world.notify(pushOf(one), pushOf(two))
    for (let delays = 1; delays <= 8; delays++) await world.wakeUp(delays)
    await expect.poll(() => world.delays.length).toBe(9)
    expect(world.delays).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
    expect([world.log(), open()]).toEqual([[], 2])
    expect(world.warnings).toHaveLength(1)

    world.registry.fail(web, one.digest, null)
    await world.wakeUp(9)
    await world.external.idle()
    expect(world.log()).toEqual([one, two].map(({ digest }) => `shop/web:v1 ${digest}`))
    expect(open()).toBe(0)
  })

  it.each(['Unauthorized', 'Forbidden', 'TooManyRequests'] as const)(
    'is requested again after %s',
    async (reason) => {
      world.push('shop/web', 'v1', one)
      world.registry.fail(web, one.digest, reason)
      await world.notify(pushOf(one))
      await expect.poll(() => world.delays.length).toBe(1)
      world.registry.fail(web, one.digest, null)
      await world.wakeUp(1)
      await world.external.idle()

      expect(world.log()).toHaveLength(1)
    },
  )

  it('of one repository does not delay the others', async () => {
    world.push('shop/web', 'v1', one).push('shop/other', 'v1', two)
    world.registry.fail(web, one.digest, 'RegistryUnavailable')
    await world.notify(pushOf(one), pushOf(two, 'v1', 'shop/other'))

    await expect.poll(() => world.log()).toEqual([`shop/other:v1 ${two.digest}`])
    expect(open()).toBe(1)
  })

  it('of one image that never succeeds delays the next one of its repository for a limited time', async () => {
    world.push('shop/web', 'v1', one).push('shop/web', 'v1', two)
    world.registry.fail(web, one.digest, 'InvalidManifest')
    await world.notify(pushOf(one), pushOf(two))
    for (let delays = 1; delays <= 5; delays++) await world.wakeUp(delays)
    await world.external.idle()

    expect(world.log()).toEqual([`shop/web:v1 ${two.digest}`])
    expect(world.warnings.at(-1)).toContain(`the push to shop/web:v1@${one.digest} is not recorded`)
  })
})

describe('a stop', () => {
  it('keeps notifications that wait for a retry, and the next start continues', async () => {
    world.push('shop/web', 'v1', one).push('shop/web', 'v1', two)
    world.registry.fail(web, one.digest, 'RegistryUnavailable')
    await world.notify(pushOf(one), pushOf(two))
    await expect.poll(() => world.delays.length).toBe(1)
    world.registry.fail(web, one.digest, null)
    await world.restart()
    await world.external.idle()

    expect(world.log()).toEqual([one, two].map(({ digest }) => `shop/web:v1 ${digest}`))
  })

  it('during a request records nothing, and the next start repeats the request', async () => {
    world.push('shop/web', 'v1', one)
    const held = world.registry.hold(({ kind }) => kind === 'config')
    await world.notify(pushOf(one))
    await held.reached
    const restarted = world.restart()
    held.release()
    await restarted
    await world.external.idle()

    expect(world.log()).toEqual([`shop/web:v1 ${one.digest}`])
    expect(world.internalErrors).toEqual([])
  })

  it('keeps the notifications of a process that was killed', async () => {
    world.push('shop/web', 'v1', one).push('shop/web', 'v1', two)
    await world.external[Symbol.asyncDispose]()
    // the notification is on disk, and then the process is killed
    await world.notify(pushOf(one), pushOf(two))
    await world[Symbol.asyncDispose]()
    world = new ExternalWorld(join(folder, 'streams.db'), world.registry)
    await world.external.idle()

    expect(world.log()).toEqual([one, two].map(({ digest }) => `shop/web:v1 ${digest}`))
  })

  it('cannot separate a tag event from its handled notification: both are one transaction', async () => {
    world.push('shop/web', 'v1', one)
    await world.external[Symbol.asyncDispose]()
    const { inbox } = world
    let kills = 0
    const dies = () => {
      kills++
      throw new Error('killed')
    }
    world.external = world.open({
      inbox: { ...inbox, done: dies },
    })
    await world.notify(pushOf(one))
    await expect.poll(() => kills).toBe(1)
    expect([world.log(), world.domain.dump().images, open()]).toEqual([[], [], 1])
    await world.restart()
    await world.external.idle()

    expect(world.log()).toEqual([`shop/web:v1 ${one.digest}`])
    expect(world.domain.dump().tag_events).toHaveLength(1)
    expect(open()).toBe(0)
  })
})

describe('many notifications', () => {
  it('are each recorded once and in order, for many repositories and deliveries', async () => {
    const contents = [one, two, three]
    const repositories = Array.from({ length: 30 }, (_, at) => `shop/app-${at}`)
    const events: object[] = []
    for (const content of contents) {
      for (const repository of repositories) {
        world.push(repository, 'v1', content)
        events.push(pushOf(content, 'v1', repository))
      }
      world.domain.time += 1
    }
    // each twice, in an envelope of its own, concurrently
    await Promise.all([...events, ...events].map((event) => world.notify(event)))
    await world.external.idle()

    const log = world.log()
    expect(log).toHaveLength(90)
    for (const repository of repositories) {
      const own = log.filter((entry) => entry.startsWith(`${repository}:`))
      expect(own).toEqual(contents.map(({ digest }) => `${repository}:v1 ${digest}`))
    }
    expect(world.internalErrors).toEqual([])
  })
})
