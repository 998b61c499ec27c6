import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { pathOf } from '../../src/receivers/receiver.ts'
import { MAX_PREFIXES } from '../../src/receivers/receiver-input.ts'
import { type CreateReceiver, MAX_RECEIVERS } from '../../src/receivers/receivers.ts'
import { image } from '../fixtures/random-image.ts'
import { ALL, fromImage } from '../fixtures/test-domain.ts'
import { place, image as sampleImage } from './deliveries.ts'
import { ReceiverWorld, SOURCE } from './receiver-world.ts'

let world: ReceiverWorld
beforeEach(() => {
  world = new ReceiverWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

describe('a receiver', () => {
  it('is stored in canonical form', () => {
    const { receiver } = world.create({
      registry: 'Registry.Test:5000',
      aliases: ['https://INTERNAL:5000/', 'internal:5000'],
      repositories: ['team', 'registry.test:5000/team/app', 'team'],
    })

    expect(receiver).toMatchObject({
      registry: 'registry.test:5000',
      aliases: ['internal:5000'],
      repositories: ['team', 'team/app'],
      enabled: true,
    })
  })

  it.each([
    ['DOCKER_HUB', 'docker.io'],
    ['QUAY', 'quay.io'],
    ['GITHUB', 'ghcr.io'],
  ] as const)('of %s has the registry %s by default', (sender, registry) => {
    expect(world.create({ sender, registry: null }).receiver.registry).toBe(registry)
  })

  const refused: [Partial<CreateReceiver>, string, RegExp][] = [
    [{ namespace: 'Not One' }, 'namespace', /is not a namespace/],
    [{ sender: 'HARBOR', registry: null }, 'registry', /registry is required for Harbor/],
    [{ registry: 'registry.test/team' }, 'registry', /give its host as it is in references/],
    [{ registry: 'user:password@registry.test' }, 'registry', /is not a registry/],
    [{ aliases: ['internal:5000', 'a b'] }, 'aliases.1', /is not a registry/],
    [{ repositories: ['team', 'Team/App'] }, 'repositories.1', /give team or team\/app/],
    [
      { repositories: Array.from({ length: MAX_PREFIXES + 1 }, (_, at) => `team-${at}`) },
      'repositories',
      /101/,
    ],
    [{ settings: { audience: 'x' } }, 'settings.audience', /audience is not a setting of/],
    [{ sender: 'GOOGLE', settings: {} }, 'settings.serviceAccount', /serviceAccount is required/],
    [
      { sender: 'GOOGLE', settings: { serviceAccount: 'a\nb' } },
      'settings.serviceAccount',
      /control characters/,
    ],
    [{ sender: 'GOOGLE', settings: { serviceAccount: 'push' } }, 'settings.serviceAccount', /e-mail address/],
    [{ sender: 'JFROG', settings: { pathPrefix: 'Team//' } }, 'settings.pathPrefix', /docker-virtual/],
  ]
  it.each(refused)('is refused with a message that lists the allowed values: %j', (input, field, message) => {
    const create = () => world.create(input)

    expect(create).toThrow(message)
    expect(create).toThrow(expect.objectContaining({ code: 'INVALID', field }))
    expect(world.domain.dump().webhooks).toEqual([])
  })

  it('changes only in the given fields', () => {
    const { receiver } = world.create({ repositories: ['team'], aliases: ['internal:5000'] })
    world.domain.time += 1000

    const changed = world.receivers.update(SYSTEM, {
      id: receiver.id,
      repositories: [],
      dropOldSecret: false,
    })

    expect(changed).toEqual({ ...receiver, repositories: [], updatedAt: world.domain.time })
  })

  it('is one of a limited number in its namespace', () => {
    for (let left = MAX_RECEIVERS; left > 0; left--) world.create()

    expect(() => world.create()).toThrow(`a namespace has at most ${MAX_RECEIVERS} receivers`)
    world.create({ namespace: 'elsewhere' })
    expect(world.receivers.count(SYSTEM, 'default')).toBe(MAX_RECEIVERS)
    expect(world.receivers.page(SYSTEM, 'default', ALL)).toHaveLength(MAX_RECEIVERS)
  })

  it('that does not exist cannot be changed, rotated, deleted or tested', async () => {
    const none = { code: 'NOT_FOUND' }
    expect(() => world.receivers.update(SYSTEM, { id: 7, dropOldSecret: false })).toThrow(
      expect.objectContaining(none),
    )
    expect(() => world.receivers.rotate(SYSTEM, 7, 0)).toThrow(expect.objectContaining(none))
    expect(() => world.receivers.delete(SYSTEM, 7)).toThrow(expect.objectContaining(none))
    await expect(world.test(SYSTEM, { id: 7, follow: false, waitSeconds: 0 })).rejects.toMatchObject(none)
  })

  it('of a platform that signs has no secret to rotate', () => {
    const { receiver, secret } = world.create({
      sender: 'GOOGLE',
      settings: { serviceAccount: 'push@project.iam.gserviceaccount.com' },
    })

    expect(secret).toBe('')
    expect(() => world.receivers.rotate(SYSTEM, receiver.id, 0)).toThrow(/there is no secret to rotate/)
    expect(world.receivers.secretsOf([receiver.id]).size).toBe(0)
  })

  it('leaves nothing behind when it is deleted', async () => {
    const issued = world.create()
    world.isWorking = false
    await world.deliver(issued, world.notification(issued, { tag: 'v1' }))

    world.receivers.delete(SYSTEM, issued.receiver.id)

    const { webhooks, webhook_secrets, webhook_deliveries, webhook_hints } = world.domain.dump()
    expect([webhooks, webhook_secrets, webhook_deliveries, webhook_hints]).toEqual([[], [], [], []])
  })
})

describe('a test', () => {
  it('returns the tags that would be requested, and requests none', async () => {
    world.domain.remote.push(SOURCE, 'v1', image({ seed: 1 }))
    await world.follow()
    const { receiver } = world.create()
    world.domain.remote.takeCalls()

    const tested = await world.test(SYSTEM, { id: receiver.id, tag: 'v1', follow: false, waitSeconds: 0 })

    expect(tested).toMatchObject({ delivery: { outcome: 'ACCEPTED', message: null } })
    expect(world.log.hintsOf([tested.delivery.id], ALL)).toMatchObject([
      { repository: 'team/app', handledAt: expect.any(Number) },
    ])
    expect(tested.targets).toHaveLength(1)
    expect(world.deliveries({ receiver, secret: '' })).toMatchObject([{ outcome: 'ACCEPTED', isTest: 1 }])
    await world.settle()
    expect(world.domain.remote.takeCalls()).toEqual([])
    expect(world.receiver(receiver)).toMatchObject({ acceptedCount: 0, lastAcceptedAt: null })
  })

  it.each(['', 'Team/App', 'registry.test:5000/team/app', 'team/app:v1'])(
    'of %j is refused as an invalid repository, and is not logged',
    async (repository) => {
      const { receiver } = world.create({ sender: 'HARBOR' })

      await expect(
        world.test(SYSTEM, { id: receiver.id, repository, follow: false, waitSeconds: 0 }),
      ).rejects.toMatchObject({
        code: 'INVALID',
        field: 'repository',
      })
      expect(world.deliveries({ receiver, secret: '' })).toEqual([])
    },
  )

  it('has the repository of a stream, unless one is given', async () => {
    world.domain.remote.push(SOURCE, 'v1', image({ seed: 1 }))
    await world.follow('elsewhere', { tags: [fromImage('v1', 'registry.test/other/app:v1')] })
    await world.follow('app', { tags: [fromImage('v1', `${SOURCE}:v1`)] })
    const { receiver } = world.create({ repositories: ['team'] })

    expect(await world.test(SYSTEM, { id: receiver.id, follow: false, waitSeconds: 0 })).toMatchObject({
      delivery: { outcome: 'ACCEPTED', summary: 'push of registry.test/team/app:v1' },
      targets: [{ tag: 'v1', isSpecTag: 1 }],
    })
  })

  it('that is followed requests the registry once: its digest is that of no image', async () => {
    world.domain.remote.push(SOURCE, 'v1', image({ seed: 1 }))
    await world.follow()
    const { receiver } = world.create()

    await world.test(SYSTEM, { id: receiver.id, tag: 'v1', follow: true, waitSeconds: 0 })
    await world.settle()

    expect(await world.retry()).toBeUndefined()
  })

  it('may be followed: then the registry is requested, only its response is recorded, and the test waits for it', async () => {
    world.domain.remote.push(SOURCE, 'v1', image({ seed: 1 }))
    await world.follow()
    const { receiver } = world.create()
    world.domain.remote.push(SOURCE, 'v1', image({ seed: 2 }))

    const { delivery } = await world.test(SYSTEM, {
      id: receiver.id,
      tag: 'v1',
      follow: true,
      waitSeconds: 300,
    })

    expect(world.targets({ receiver, secret: '' })).toEqual(['app:v1 FINISHED'])
    expect(delivery).toMatchObject({ outcome: 'ACCEPTED', isTest: 1 })
    expect(world.domain.digests('v1', 'app')).toEqual([image({ seed: 2 }).digest, image({ seed: 1 }).digest])
  })

  it('of a sender with JWT is not authenticated, and real deliveries are', async () => {
    const { receiver } = world.create({
      sender: 'GOOGLE',
      settings: { serviceAccount: 'push@project.iam.gserviceaccount.com' },
    })
    const unsigned = world.senders.GOOGLE.sample(place(''), sampleImage)

    expect(await world.test(SYSTEM, { id: receiver.id, follow: false, waitSeconds: 0 })).toMatchObject({
      delivery: { outcome: 'ACCEPTED' },
    })
    expect(await world.intake.open(pathOf(receiver), '192.0.2.1')?.receive(unsigned)).toMatchObject({
      status: 401,
    })
  })

  it('has a repository in scope if no stream imports one', async () => {
    const { receiver } = world.create({ repositories: ['team/backend'] })

    expect(await world.test(SYSTEM, { id: receiver.id, follow: false, waitSeconds: 0 })).toMatchObject({
      delivery: { outcome: 'ACCEPTED', summary: 'push of registry.test/team/backend/app:latest' },
      targets: [],
    })
  })
})
