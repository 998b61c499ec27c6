import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RemoteOptions } from '../../src/imagestream/image/remote-registry.ts'
import type { ImportRequest } from '../../src/imagestream/stored-import/import-plan.ts'
import type { Reference } from '../../src/oci/reference.ts'
import { FakeRegistry } from '../fixtures/fake-registry.ts'
import { INTERVAL, MINUTE, ScheduleWorld } from './schedule-world.ts'

/** Records the urgency of each request. */
class WatchedRegistry extends FakeRegistry {
  #askers: RemoteOptions['urgency'][] = []

  override repository(
    reference: Pick<Reference, 'registry' | 'repository'>,
    options: RemoteOptions,
  ): ReturnType<FakeRegistry['repository']> {
    this.#askers.push(options.urgency)
    return super.repository(reference, options)
  }

  /** Urgencies of the requests since the last call. */
  takeAskers(): RemoteOptions['urgency'][] {
    return this.#askers.splice(0)
  }
}

const everything: ImportRequest = { repository: true, specTags: [], repositoryTags: [] }

let folder: string
let remote: WatchedRegistry
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-urgency-'))
  remote = new WatchedRegistry()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const open = (): ScheduleWorld => new ScheduleWorld({ file: join(folder, 'data.db'), remote })

describe('the urgency of an import', () => {
  it('is "schedule" if it was scheduled, and unset if it was requested', async () => {
    await using world = open()
    world.runner.start()
    await world.createStream()
    expect(remote.takeAskers()).toEqual([undefined])
    await world.pass(INTERVAL)
    expect(remote.takeAskers()).toEqual(['schedule'])
    await world.domain.import({})
    expect(remote.takeAskers()).toEqual([undefined])
  })

  it('is kept across a restart', async () => {
    {
      await using first = open()
      first.runner.start()
      await first.createStream()
      const held = remote.hold()
      using _ = { [Symbol.dispose]: () => held.release() }
      first.passHeld(INTERVAL + MINUTE)
      await held.reached
    }
    remote.takeAskers()
    await using second = open()
    second.domain.importer.resume()
    await second.settle()
    expect(remote.takeAskers()).toEqual(['schedule'])
  })

  it('is read from the record of an earlier version', async () => {
    await using world = open()
    const { id } = await world.createStream()
    const { db, importer } = world.domain
    remote.takeAskers()
    db.transact((tx) => {
      const due = importer.request(tx, id, { ...everything, urgency: 'schedule' })
      const stored = JSON.stringify({ ...everything, scheduled: true })
      db.prepare('update imports set request = ? where id = ?').run(stored, due)
      expect(importer.request(tx, id, { ...everything, urgency: 'schedule' })).toBe(due)
    })
    await world.settle()
    expect(remote.takeAskers()).toEqual(['schedule'])
  })
})

describe('a waiting import that is requested again', () => {
  const urgencies = ['webhook', undefined, 'schedule'] as const
  const cases = urgencies.flatMap((first) => urgencies.map((second) => [first, second] as const))

  it.each(cases)('as %s and as %s is one import with the higher urgency', async (first, second) => {
    await using world = open()
    const { id } = await world.createStream()
    const { db, importer } = world.domain
    remote.takeAskers()
    const requested = (urgency: RemoteOptions['urgency']) => ({ ...everything, ...(urgency && { urgency }) })
    const [one, other] = db.transact((tx) => [
      importer.request(tx, id, requested(first)),
      importer.request(tx, id, requested(second)),
    ])
    expect(other).toBe(one)
    await world.settle()
    const moreUrgent = urgencies.find((urgency) => urgency === first || urgency === second)
    expect(remote.takeAskers()).toEqual([moreUrgent])
  })

  it('with another scope is a second import', async () => {
    await using world = open()
    const { id } = await world.createStream()
    const { db, importer } = world.domain
    const [due, requested] = db.transact((tx) => [
      importer.request(tx, id, { ...everything, urgency: 'schedule' }),
      importer.request(tx, id, { ...everything, insecure: true }),
    ])
    expect(requested).not.toBe(due)
    await world.settle()
  })
})
