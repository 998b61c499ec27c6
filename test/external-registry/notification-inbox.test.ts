import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import {
  createNotificationInbox,
  KEPT_NOTIFICATIONS,
  type Notification,
  type NotificationInbox,
} from '../../src/external-registry/notification-inbox.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseEnvelope, type RegistryEvent } from '../../src/oci/distribution-events.ts'
import { deleteEvent, type EventOptions, envelopeOf, pushEvent } from '../fixtures/notifications.ts'
import { tag } from '../fixtures/registry-client.ts'

let folder: string
let db: Database
let inbox: NotificationInbox
let time: number

const open = (): void => {
  db = openDatabase(join(folder, 'inbox.db'))
  inbox = createNotificationInbox({ db, now: () => time })
}
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inbox-'))
  time = Date.UTC(2026, 0, 1)
  open()
})
afterEach(() => {
  db[Symbol.dispose]()
  rmSync(folder, { recursive: true })
})

const events = (...options: EventOptions[]): RegistryEvent[] =>
  parseEnvelope(envelopeOf(...options.map((each) => pushEvent({ at: time, ...each }))))
const receive = async (...options: EventOptions[]): Promise<Notification[]> => {
  const before = inbox.open(1000).at(-1)?.id ?? 0
  await inbox.receive(events(...options))
  return inbox.open(1000, before)
}
const finish = (...notifications: readonly Notification[]): void =>
  db.transact((tx) => {
    for (const { id } of notifications) inbox.done(tx, id)
  })
const ids = (): string[] => inbox.open(1000).map(({ eventId }) => eventId)
const rows = (): number =>
  db.prepare<{ total: number }>('select count(*) as total from registry_notifications').get()?.total ?? 0

describe('the inbox', () => {
  it('returns notifications in order of arrival, until they are handled', async () => {
    await receive({ id: 'a' }, { id: 'b' })
    const [c] = await receive({ id: 'c', tag: 'v1' })

    expect(ids()).toEqual(['a', 'b', 'c'])
    expect(c).toMatchObject({
      repository: 'shop/web',
      tag: 'v1',
      digest: digestOf('image'),
      occurredAt: time,
    })
    finish(...inbox.open(1))
    expect(ids()).toEqual(['b', 'c'])
  })

  it('returns up to a limit, after a given id', async () => {
    await receive({ id: 'a' }, { id: 'b' }, { id: 'c' })
    const [first] = inbox.open(1)

    expect(inbox.open(1, first?.id).map(({ eventId }) => eventId)).toEqual(['b'])
  })

  it('ignores a repeated delivery, handled or not, in the same or another envelope', async () => {
    expect(await inbox.receive(events({ id: 'a' }, { id: 'a' }, { id: 'b' }))).toBe(2)
    finish(...inbox.open(1))

    expect(await inbox.receive(events({ id: 'b' }, { id: 'a' }))).toBe(0)
    expect(ids()).toEqual(['b'])
  })

  it('stores concurrent deliveries, and each event once', async () => {
    const deliveries = Array.from({ length: 200 }, (_, at) => events({ id: `event-${at % 50}` }))
    const fresh = await Promise.all(deliveries.map((delivery) => inbox.receive(delivery)))

    expect(fresh.reduce((sum, count) => sum + count, 0)).toBe(50)
    expect(new Set(ids()).size).toBe(50)
  })

  it('stores an envelope completely or not at all', async () => {
    const broken = [...events({ id: 'a' }), { ...events({ id: 'b' })[0], repository: null }]

    await expect(inbox.receive(broken as unknown as RegistryEvent[])).rejects.toThrow(/NOT NULL/)
    expect(rows()).toBe(0)
  })

  it('has its notifications after a restart, and which are handled', async () => {
    await receive({ id: 'a' }, { id: 'b' })
    finish(...inbox.open(1))
    db[Symbol.dispose]()
    open()

    expect(ids()).toEqual(['b'])
    expect(await inbox.receive(events({ id: 'a' }))).toBe(0)
  })

  it('deletes handled notifications after a week, and never open ones', async () => {
    const [, done] = await receive({ id: 'open' }, { id: 'done' })
    if (done) finish(done)
    time += KEPT_NOTIFICATIONS
    await receive({ id: 'a' })
    inbox.deleteExpired()
    expect(rows()).toBe(3)

    time += 1
    await receive({ id: 'b' })
    inbox.deleteExpired()
    expect(ids()).toEqual(['open', 'a', 'b'])
    expect(rows()).toBe(3)
  })
})

describe('a notification of a tag', () => {
  it('is outdated when a later one has been handled', async () => {
    const [late] = await receive({ tag: 'v1', at: time - 1 })
    const [other] = await receive({ tag: 'v2', at: time - 1 })
    const [newer] = await receive({ tag: 'v1', at: time })
    if (!late || !newer || !other) throw new Error('not received')

    expect(inbox.isOutdated(late)).toBe(false)
    finish(newer)
    expect(inbox.isOutdated(late)).toBe(true)
    expect(inbox.isOutdated(other)).toBe(false)
    expect(inbox.isOutdated(newer)).toBe(false)
  })

  it('is outdated when a later one may have been deleted', async () => {
    const [ancient] = await receive({ tag: 'v1', at: time - KEPT_NOTIFICATIONS - 1 })

    expect(ancient && inbox.isOutdated(ancient)).toBe(true)
  })

  it('is outdated after a later observation, and only then', async () => {
    const [before] = await receive({ tag: 'v1', at: time - 1 })
    const [after] = await receive({ tag: 'v1', at: time + 1 })
    const sighting = { repository: 'shop/web', tag: tag('v1'), digest: null, at: time }
    db.transact((tx) => inbox.recordObservation(tx, sighting))
    db.transact((tx) => inbox.recordObservation(tx, sighting))
    if (!before || !after) throw new Error('not received')

    expect([before, after].map(inbox.isOutdated)).toEqual([true, false])
    // one row for each tag, and no open one
    expect(rows()).toBe(3)
    expect(inbox.open(10)).toHaveLength(2)
  })

  it('has later pushes, handled or not, without observations', async () => {
    const deletion = { repository: 'shop/web', tag: tag('v1'), occurredAt: time }
    db.transact((tx) => inbox.recordObservation(tx, { ...deletion, digest: digestOf('x'), at: time + 1 }))
    await receive({ tag: 'v1', at: time }, { tag: 'v2', at: time + 1 })
    await inbox.receive(parseEnvelope(envelopeOf(deleteEvent({ tag: 'v1', at: time + 1 }))))
    expect(inbox.hasLaterPush(deletion)).toBe(false)

    const [later] = await receive({ tag: 'v1', at: time + 1 })
    expect(inbox.hasLaterPush(deletion)).toBe(true)
    if (later) finish(later)
    expect(inbox.hasLaterPush(deletion)).toBe(true)
  })
})
