import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pathOf } from '../../src/webhooks/webhook.ts'
import { MAX_PREFIXES } from '../../src/webhooks/webhook-input.ts'
import { type CreateWebhook, MAX_WEBHOOKS } from '../../src/webhooks/webhooks.ts'
import { image } from '../fixtures/random-image.ts'
import { ALL, fromImage } from '../fixtures/test-domain.ts'
import { place, image as sampleImage } from './deliveries.ts'
import { SOURCE, WebhookWorld } from './webhook-world.ts'

let world: WebhookWorld
beforeEach(() => {
  world = new WebhookWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

describe('a webhook', () => {
  it('is stored in canonical form', () => {
    const { webhook } = world.create({
      registry: 'Registry.Test:5000',
      aliases: ['https://INTERNAL:5000/', 'internal:5000'],
      repositories: ['team', 'registry.test:5000/team/app', 'team'],
    })

    expect(webhook).toMatchObject({
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
    expect(world.create({ sender, registry: null }).webhook.registry).toBe(registry)
  })

  const refused: [Partial<CreateWebhook>, string, RegExp][] = [
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
    const { webhook } = world.create({ repositories: ['team'], aliases: ['internal:5000'] })
    world.domain.time += 1000

    const changed = world.webhooks.update({ id: webhook.id, repositories: [], dropOldSecret: false })

    expect(changed).toEqual({ ...webhook, repositories: [], updatedAt: world.domain.time })
  })

  it('is one of a limited number in its namespace', () => {
    for (let left = MAX_WEBHOOKS; left > 0; left--) world.create()

    expect(() => world.create()).toThrow(`a namespace has at most ${MAX_WEBHOOKS} webhooks`)
    world.create({ namespace: 'elsewhere' })
    expect(world.webhooks.countOf('default')).toBe(MAX_WEBHOOKS)
    expect(world.webhooks.ofNamespace('default', ALL)).toHaveLength(MAX_WEBHOOKS)
  })

  it('that does not exist cannot be changed, rotated, deleted or tested', async () => {
    const none = { code: 'NOT_FOUND' }
    expect(() => world.webhooks.update({ id: 7, dropOldSecret: false })).toThrow(
      expect.objectContaining(none),
    )
    expect(() => world.webhooks.rotate(7, 0)).toThrow(expect.objectContaining(none))
    expect(() => world.webhooks.delete(7)).toThrow(expect.objectContaining(none))
    await expect(world.test({ id: 7, follow: false })).rejects.toMatchObject(none)
  })

  it('of a platform that signs has no secret to rotate', () => {
    const { webhook, secret } = world.create({
      sender: 'GOOGLE',
      settings: { serviceAccount: 'push@project.iam.gserviceaccount.com' },
    })

    expect(secret).toBe('')
    expect(() => world.webhooks.rotate(webhook.id, 0)).toThrow(/there is no secret to rotate/)
    expect(world.webhooks.secretsOf([webhook.id]).size).toBe(0)
  })

  it('leaves nothing behind when it is deleted', async () => {
    const issued = world.create()
    world.isWorking = false
    await world.deliver(issued, world.notification(issued, { tag: 'v1' }))

    world.webhooks.delete(issued.webhook.id)

    const { webhooks, webhook_secrets, webhook_deliveries, webhook_hints } = world.domain.dump()
    expect([webhooks, webhook_secrets, webhook_deliveries, webhook_hints]).toEqual([[], [], [], []])
  })
})

describe('a test', () => {
  it('returns the tags that would be requested, and requests none', async () => {
    world.domain.remote.push(SOURCE, 'v1', image({ seed: 1 }))
    await world.follow()
    const { webhook } = world.create()
    world.domain.remote.takeCalls()

    const tested = await world.test({ id: webhook.id, tag: 'v1', follow: false })

    expect(tested).toMatchObject({ outcome: 'ACCEPTED', reason: null, hints: [{ repository: 'team/app' }] })
    expect(tested.targets).toHaveLength(1)
    expect(world.deliveries({ webhook, secret: '' })).toMatchObject([{ outcome: 'ACCEPTED', isTest: 1 }])
    await world.settle()
    expect(world.domain.remote.takeCalls()).toEqual([])
    expect(world.webhook(webhook)).toMatchObject({ accepted: 0, acceptedAt: null })
  })

  it.each(['', 'Team/App', 'registry.test:5000/team/app', 'team/app:v1'])(
    'of %j is refused as an invalid repository, and is not logged',
    async (repository) => {
      const { webhook } = world.create({ sender: 'HARBOR' })

      await expect(world.test({ id: webhook.id, repository, follow: false })).rejects.toMatchObject({
        code: 'INVALID',
        field: 'repository',
      })
      expect(world.deliveries({ webhook, secret: '' })).toEqual([])
    },
  )

  it('has the repository of a stream, unless one is given', async () => {
    world.domain.remote.push(SOURCE, 'v1', image({ seed: 1 }))
    await world.follow('elsewhere', { tags: [fromImage('v1', 'registry.test/other/app:v1')] })
    await world.follow('app', { tags: [fromImage('v1', `${SOURCE}:v1`)] })
    const { webhook } = world.create({ repositories: ['team'] })

    expect(await world.test({ id: webhook.id, follow: false })).toMatchObject({
      outcome: 'ACCEPTED',
      hints: [{ repository: 'team/app', tag: 'v1' }],
      targets: [{ tag: 'v1', isSpecTag: 1 }],
    })
  })

  it('that is followed requests the registry once: its digest is that of no image', async () => {
    world.domain.remote.push(SOURCE, 'v1', image({ seed: 1 }))
    await world.follow()
    const { webhook } = world.create()

    await world.test({ id: webhook.id, tag: 'v1', follow: true })
    await world.settle()

    expect(await world.retry()).toBeUndefined()
  })

  it('may be followed: then the registry is requested, and only its response is recorded', async () => {
    world.domain.remote.push(SOURCE, 'v1', image({ seed: 1 }))
    await world.follow()
    const { webhook } = world.create()
    world.domain.remote.push(SOURCE, 'v1', image({ seed: 2 }))

    await world.test({ id: webhook.id, tag: 'v1', follow: true })
    await world.settle()

    expect(world.domain.digests('v1', 'app')).toEqual([image({ seed: 2 }).digest, image({ seed: 1 }).digest])
  })

  it('of a sender with JWT is not authenticated, and real deliveries are', async () => {
    const { webhook } = world.create({
      sender: 'GOOGLE',
      settings: { serviceAccount: 'push@project.iam.gserviceaccount.com' },
    })
    const unsigned = world.senders.GOOGLE.sample(place(''), sampleImage)

    expect(await world.test({ id: webhook.id, follow: false })).toMatchObject({ outcome: 'ACCEPTED' })
    expect(await world.receiver.open(pathOf(webhook), '192.0.2.1')?.receive(unsigned)).toMatchObject({
      status: 401,
    })
  })

  it('has a repository in scope if no stream imports one', async () => {
    const { webhook } = world.create({ repositories: ['team/backend'] })

    expect(await world.test({ id: webhook.id, follow: false })).toMatchObject({
      outcome: 'ACCEPTED',
      hints: [{ repository: 'team/backend/app', tag: 'latest' }],
      targets: [],
    })
  })
})
