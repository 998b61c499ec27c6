import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import {
  ENTRIES_WITHOUT_HINTS,
  FROM_ONE_SOURCE,
  TO_ONE_RECEIVER,
} from '../../src/receivers/delivery-intake.ts'
import { KEPT_ACCEPTED, KEPT_FOR, KEPT_OTHERS } from '../../src/receivers/delivery-log.ts'
import { pathOf, stateOf } from '../../src/receivers/receiver.ts'
import { image } from '../fixtures/random-image.ts'
import { deliveryOf } from '../fixtures/receiver.ts'
import { type Issued, REGISTRY, REPOSITORY, ReceiverWorld } from './receiver-world.ts'

const one = image({ seed: 1 })
const SECOND = 1000

let world: ReceiverWorld
let issued: Issued
beforeEach(() => {
  world = new ReceiverWorld()
  // no registry is requested here
  world.isWorking = false
  issued = world.create()
})
afterEach(async () => {
  expect(world.errors).toEqual([])
  await world[Symbol.asyncDispose]()
})

const outcomes = (of = issued): string[] => world.deliveries(of).map(({ outcome }) => outcome)
const hints = (): number => (world.domain.dump().webhook_hints ?? []).length
const wrong = (): Issued => ({ ...issued, secret: 'not the secret' })
const v1 = { tag: 'v1', digest: one.digest }

describe('a delivery', () => {
  it('is acknowledged with 2xx when its hints are on disk, before any request to a registry', async () => {
    const response = await world.deliver(issued, world.notification(issued, v1, 'a'))
    expect(world.domain.remote.calls).toEqual([])

    expect(response).toEqual({ status: 202, body: { outcome: 'ACCEPTED', hints: 1 } })
    expect(world.deliveries(issued)).toMatchObject([
      {
        outcome: 'ACCEPTED',
        message: null,
        senderDeliveryId: 'a',
        summary: `push of ${REPOSITORY}:v1`,
        isTest: 0,
      },
    ])
    expect(world.domain.dump().webhook_hints).toMatchObject([
      { registry: REGISTRY, repository: REPOSITORY, tag: 'v1', digest: one.digest, handled_at: null },
    ])
  })

  it('is logged without its body, headers and secret', async () => {
    const delivery = world.notification(issued, { ...v1, canary: 'in the body only' } as never)
    await world.deliver(issued, { ...delivery, headers: { ...delivery.headers, 'x-canary': 'in a header' } })

    const rows = JSON.stringify(world.domain.dump())
    expect(rows).not.toContain('in the body only')
    expect(rows).not.toContain('in a header')
    expect(rows).not.toContain(issued.secret)
  })

  it('with a wrong secret is refused, and only the log has the message', async () => {
    const response = await world.deliver(issued, world.notification(wrong(), v1))

    expect(response).toEqual({ status: 401, body: { error: 'unauthorized' } })
    expect(world.deliveries(issued)).toMatchObject([
      { outcome: 'REFUSED', message: 'the header Authorization has another secret', summary: null },
    ])
    expect(hints()).toBe(0)
  })

  it('that is authenticated and invalid is acknowledged with 2xx: a refusal would stall the queue of the sender', async () => {
    const response = await world.deliver(issued, {
      ...world.notification(issued, v1),
      body: Buffer.from('no JSON'),
    })

    expect(response?.status).toBe(200)
    expect(world.deliveries(issued)).toMatchObject([{ outcome: 'FAILED', message: expect.any(String) }])
    expect(stateOf(world.receiver(issued.receiver), world.domain.time)).toBe('FAILING')
    await world.deliver(issued, world.notification(issued, v1))
    expect(stateOf(world.receiver(issued.receiver), world.domain.time)).toBe('HEALTHY')
  })

  it.each([
    [{ registry: 'registry.elsewhere' }, 'the registry registry.elsewhere is not registry.test'],
    [{ repository: 'other/app' }, 'the repository other/app is outside of the scope of this receiver: team'],
    [{ repository: 'teamwork/app' }, 'the repository teamwork/app is outside of the scope'],
    [{ tag: `sha256-${'a'.repeat(64)}.sig` }, 'is an attachment of an image'],
  ])(
    'outside of the scope is ignored (allowed registry+repo prefixes per endpoint): %j',
    async (notification, message) => {
      issued = world.create({ repositories: ['team'] })

      const response = await world.deliver(issued, world.notification(issued, { ...v1, ...notification }))

      expect(response?.status).toBe(200)
      expect(world.deliveries(issued)).toMatchObject([
        { outcome: 'IGNORED', message: expect.stringContaining(message) },
      ])
      expect(hints()).toBe(0)
    },
  )

  it('may have an alias of the registry, and a repository in upper case', async () => {
    issued = world.create({ sender: 'GENERIC', aliases: ['registry.internal:5000'] })

    const response = await world.deliver(
      issued,
      world.notification(issued, { ...v1, registry: 'registry.internal:5000' }),
    )

    expect(response?.status).toBe(202)
    expect(world.domain.dump().webhook_hints).toMatchObject([{ registry: REGISTRY }])
  })

  it('of Docker Hub may have the short name of an official image', async () => {
    const hub = world.create({ sender: 'DOCKER_HUB', registry: null, repositories: ['ruby'] })
    const pushed = { registry: 'docker.io', repository: 'library/ruby', tag: '3.3', digest: one.digest }

    const response = await world.deliver(
      hub,
      deliveryOf('DOCKER_HUB', { url: 'https://x', secret: hub.secret }, pushed),
    )

    expect(response?.status).toBe(202)
    expect(hub.receiver.registry).toBe('docker.io')
  })
})

describe('a repeated delivery', () => {
  it('is a duplicate by the id of the sender', async () => {
    await world.deliver(issued, world.notification(issued, v1, 'a'))
    const again = await world.deliver(issued, world.notification(issued, { tag: 'v2' }, 'a'))

    expect(again).toEqual({ status: 200, body: { outcome: 'DUPLICATE' } })
    expect(hints()).toBe(1)
  })

  it('without an id is a duplicate by its body, until the registry is requested', async () => {
    await world.deliver(issued, world.notification(issued, v1))

    expect(await world.deliver(issued, world.notification(issued, v1))).toMatchObject({ status: 200 })
    expect(hints()).toBe(1)
  })

  it.each([
    ['its digest', v1],
    ['its tag', { tag: 'v1' }],
    ['no tag', {}],
  ])(
    'is not a duplicate after the registry was requested, with %s: the next push may have the same body',
    async (_what, notification) => {
      const delivery = world.notification(issued, notification)
      await world.follow()
      await world.deliver(issued, delivery)
      world.isWorking = true
      world.worker.wake()
      await world.settle()
      world.isWorking = false
      world.domain.db.prepare(`update webhook_targets set state = 'REQUESTED'`).run()

      expect(await world.deliver(issued, delivery)).toMatchObject({ status: 202 })
    },
  )

  it('of another receiver is not a duplicate', async () => {
    const other = world.create({ namespace: 'elsewhere' })
    await world.deliver(issued, world.notification(issued, v1, 'a'))

    expect(await world.deliver(other, world.notification(other, v1, 'a'))).toMatchObject({ status: 202 })
  })

  it('of an invalid one is not a duplicate', async () => {
    await world.deliver(issued, { ...world.notification(issued, v1, 'a'), body: Buffer.from('{}') })

    expect(await world.deliver(issued, world.notification(issued, v1, 'a'))).toMatchObject({ status: 202 })
  })
})

describe('an unknown endpoint', () => {
  it('is the same for unknown, disabled and deleted receivers', () => {
    const { key, id } = issued.receiver
    const path = pathOf(issued.receiver)
    expect(world.intake.open(path, 'here')).toBeDefined()

    world.receivers.update(SYSTEM, { id, enabled: false, dropOldSecret: false })
    expect(world.intake.open(path, 'here')).toBeUndefined()
    world.receivers.update(SYSTEM, { id, enabled: true, dropOldSecret: false })
    expect(world.intake.open(path, 'here')).toBeDefined()
    world.receivers.delete(SYSTEM, id)
    expect(world.intake.open(path, 'here')).toBeUndefined()
    for (const none of ['registry', '', '../x', 'a'.repeat(43), `${key} `, '%00']) {
      expect(world.intake.open(`/webhooks/${none}`, 'here')).toBeUndefined()
    }
  })
})

describe('a receiver that changes while a delivery arrives', () => {
  const opened = () => {
    const endpoint = world.intake.open(pathOf(issued.receiver), '192.0.2.1')
    if (!endpoint) throw new Error('there is nothing')
    return endpoint
  }
  const gone = { status: 404, body: { error: 'not found' } }
  const remove = () => world.receivers.delete(SYSTEM, issued.receiver.id)
  const disable = () =>
    world.receivers.update(SYSTEM, { id: issued.receiver.id, enabled: false, dropOldSecret: false })

  it.each([
    ['is deleted', remove],
    ['is disabled', disable],
  ])('%s accepts no delivery, before and after the delivery is judged', async (_, change) => {
    const endpoint = opened()
    const judged = endpoint.receive(world.notification(issued, v1, 'a'))
    change()

    expect(await judged).toEqual(gone)
    expect(await endpoint.receive(world.notification(issued, v1, 'b'))).toEqual(gone)
    expect(await endpoint.receive(world.notification(wrong(), v1, 'c'))).toEqual(gone)
    expect(outcomes()).toEqual([])
    expect(hints()).toBe(0)
  })

  it('applies its new scope', async () => {
    const endpoint = opened()
    const repositories = ['another/app']
    world.receivers.update(SYSTEM, { id: issued.receiver.id, repositories, dropOldSecret: false })

    await endpoint.receive(world.notification(issued, v1))

    expect(outcomes()).toEqual(['IGNORED'])
    expect(hints()).toBe(0)
  })
})

describe('the rate limit', () => {
  it('per-source limit: applies to one address and not to others', () => {
    const waitOf = (source: string) => world.intake.open(pathOf(issued.receiver), source)?.wait
    for (let left = FROM_ONE_SOURCE.capacity; left > 0; left--) expect(waitOf('a')).toBe(0)

    expect(waitOf('a')).toBe(1)
    expect(waitOf('b')).toBe(0)
    world.domain.time += SECOND
    expect(waitOf('a')).toBe(0)
  })

  it('of refused deliveries limits log entries, and not the deliveries of the sender', async () => {
    await world.deliver(issued, world.notification(issued, v1))
    for (let times = 0; times < ENTRIES_WITHOUT_HINTS.capacity + 50; times++) {
      expect((await world.deliver(issued, world.notification(wrong(), v1)))?.status).toBe(401)
    }

    expect(outcomes().filter((outcome) => outcome === 'REFUSED')).toHaveLength(ENTRIES_WITHOUT_HINTS.capacity)
    expect(world.receiver(issued.receiver).refusedCount).toBe(ENTRIES_WITHOUT_HINTS.capacity + 50)
    expect(await world.deliver(issued, world.notification(issued, { tag: 'v2' }))).toMatchObject({
      status: 202,
    })
    // unauthenticated deliveries do not change the health of the receiver
    expect(stateOf(world.receiver(issued.receiver), world.domain.time)).toBe('HEALTHY')
  })

  it('applies to authenticated deliveries too', async () => {
    const delivery = world.notification(issued, v1)
    const deliveries = Array.from({ length: TO_ONE_RECEIVER.capacity }, () => world.deliver(issued, delivery))
    await Promise.all(deliveries)

    expect(await world.deliver(issued, delivery)).toMatchObject({
      status: 429,
      headers: { 'Retry-After': '1' },
    })
    world.domain.time += SECOND
    expect((await world.deliver(issued, delivery))?.status).toBe(200)
  })
})

describe('the log', () => {
  const trim = (): void => world.domain.db.transact((tx) => world.log.trim(tx))
  const fill = (outcome: string, rows: number): void => {
    world.domain.db
      .prepare(
        `with recursive n(i) as (select 1 union all select i + 1 from n where i < ?)
         insert into webhook_deliveries (webhook_id, received_at, body_digest, outcome, is_test, source)
         select ?, ?, '', ?, 0, '' from n`,
      )
      .run(rows, issued.receiver.id, world.domain.time, outcome)
  }
  const counts = (): Record<string, number> => {
    const found: Record<string, number> = {}
    for (const outcome of outcomes()) found[outcome] = (found[outcome] ?? 0) + 1
    return found
  }

  it('keeps a limited number of accepted and of other deliveries', async () => {
    fill('ACCEPTED', KEPT_ACCEPTED)
    fill('REFUSED', KEPT_OTHERS)
    await world.deliver(issued, world.notification(wrong(), v1))
    await world.deliver(issued, world.notification(issued, v1))
    expect(counts()).toEqual({ ACCEPTED: KEPT_ACCEPTED + 1, REFUSED: KEPT_OTHERS + 1 })

    trim()

    expect(counts()).toEqual({ ACCEPTED: KEPT_ACCEPTED, REFUSED: KEPT_OTHERS })
  })

  it('deletes old deliveries, except those with open hints', async () => {
    await world.deliver(issued, world.notification(issued, v1))
    await world.deliver(issued, world.notification(wrong(), v1))
    world.domain.time += KEPT_FOR + 1
    trim()
    expect(outcomes()).toEqual(['ACCEPTED'])

    world.isWorking = true
    world.worker.wake()
    await world.settle()
    trim()
    expect(outcomes()).toEqual([])
  })
})

describe('a secret', () => {
  it('that was rotated is valid for a while beside the new one; older ones are not', async () => {
    const [first] = [issued]
    const second = world.receivers.rotate(SYSTEM, issued.receiver.id, 1)
    const believed = async (secret: string | null) =>
      (await world.deliver(issued, world.notification({ ...issued, secret: secret ?? '' }, v1)))?.status !==
      401
    expect([await believed(first.secret), await believed(second.secret)]).toEqual([true, true])

    const third = world.receivers.rotate(SYSTEM, issued.receiver.id, 1)
    expect([
      await believed(first.secret),
      await believed(second.secret),
      await believed(third.secret),
    ]).toEqual([false, true, true])
    world.domain.time += 60 * SECOND
    expect([await believed(second.secret), await believed(third.secret)]).toEqual([false, true])
  })

  it('that was rotated can stay valid until it is dropped, or be dropped at once', async () => {
    const believes = (secret: string) => world.secrets.open(world.receiver(issued.receiver)).includes(secret)
    world.receivers.rotate(SYSTEM, issued.receiver.id, null)
    world.domain.time += KEPT_FOR
    expect(believes(issued.secret)).toBe(true)
    world.receivers.update(SYSTEM, { id: issued.receiver.id, dropOldSecret: true })
    expect(believes(issued.secret)).toBe(false)

    const { secret } = world.receivers.rotate(SYSTEM, issued.receiver.id, 0)
    expect(world.secrets.open(world.receiver(issued.receiver))).toEqual([secret])
  })

  it('can be decrypted for its own receiver only', () => {
    const other = world.create()
    const { db } = world.domain
    db.prepare('update webhook_secrets set webhook_id = ? where webhook_id = ?').run(
      other.receiver.id,
      issued.receiver.id,
    )

    expect(() => world.secrets.open(world.receiver(other.receiver))).toThrow(
      'the stored secret was changed or belongs to another row',
    )
  })

  it('that cannot be decrypted makes the sender retry', async () => {
    world.domain.db.prepare(`update webhook_secrets set sealed = x'00'`).run()

    expect(await world.deliver(issued, world.notification(issued, v1))).toMatchObject({ status: 503 })
    expect(world.receiver(issued.receiver).message).toBe(
      'the secret of this receiver cannot be opened: rotate it with rotateReceiverSecret',
    )
    expect(world.errors.splice(0)).toHaveLength(1)
  })
})
