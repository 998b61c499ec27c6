import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ImportRequest } from '../../src/imagestream/import-plan.ts'
import type { RemoteOptions } from '../../src/imagestream/remote-registry.ts'
import type { Reference } from '../../src/oci/reference.ts'
import { FakeRegistry } from '../fixtures/fake-registry.ts'
import { INTERVAL, MINUTE, ScheduleWorld } from './schedule-world.ts'

/** Keeps who asked: true for a schedule. */
class WatchedRegistry extends FakeRegistry {
  #askers: unknown[] = []

  override repository(
    reference: Pick<Reference, 'registry' | 'repository'>,
    options: RemoteOptions,
  ): ReturnType<FakeRegistry['repository']> {
    this.#askers.push(options.scheduled)
    return super.repository(reference, options)
  }

  /** Who asked since the last time. */
  takeAskers(): unknown[] {
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

describe('an import that was due', () => {
  it('tells the registry client that nobody waits for it, and one that somebody asks for that somebody does', async () => {
    await using world = open()
    world.runner.start()
    await world.createStream()
    expect(remote.takeAskers()).toEqual([false])
    await world.pass(INTERVAL)
    expect(remote.takeAskers()).toEqual([true])
    await world.domain.import({})
    expect(remote.takeAskers()).toEqual([false])
  })

  it('stays one after a restart', async () => {
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
    expect(remote.takeAskers()).toEqual([true])
  })

  it('does not stand in for the same import that somebody asks for: that one would wait with it', async () => {
    await using world = open()
    const { id } = await world.createStream()
    const { db, importer } = world.domain
    const [due, asked, again] = db.transact((tx) => [
      importer.request(tx, id, { ...everything, scheduled: true }),
      importer.request(tx, id, everything),
      importer.request(tx, id, everything),
    ])
    expect(asked).not.toBe(due)
    expect(again).toBe(asked)
    await world.settle()
    expect(remote.takeAskers()).toEqual([false, true, false])
  })
})
