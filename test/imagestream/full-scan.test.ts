import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { LONGEST_IMPORT, TAGS_IN_FLIGHT } from '../../src/imagestream/import/import-run.ts'
import { RegistryError } from '../../src/oci/registry-error.ts'
import type { FakeRegistry } from '../fixtures/fake-registry.ts'
import { image } from '../fixtures/random-image.ts'
import { type TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'
import { DAY, HOUR, MINUTE, VendorWorld } from './vendor-world.ts'

let world: VendorWorld
/** A response to the request for a tag by name. */
const responseOf = (status: number): RegistryError =>
  new RegistryError(`${UPSTREAM}: 1.0.2: it responded with ${status}`, {
    ...{ reason: 'RegistryUnavailable', registry: 'registry.test', repository: 'ruby', status },
  })

beforeEach(() => {
  world = new VendorWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

describe('a full scan', () => {
  it('finds a change that Harbor’s listing and webhooks do not report: retagging an old digest (harbor#22640)', async () => {
    world.vendor.vendor = 'Harbor'
    world.release(150)
    await world.create()
    const pushed = world.domain.time - HOUR
    // the listing is sorted by the time of the artifact's push, which was long ago
    world.domain.remote.push(UPSTREAM, '1.0.9', image({ seed: 2 }))
    world.vendor.claimInPlace('1.0.9', image({ seed: 2 }).digest, pushed)
    expect(await world.poll()).toMatchObject({ requested: [], imported: { imported: 0 } })

    world.domain.time += DAY
    const { imported, requested, lists } = await world.poll()
    expect([imported.imported, requested.length, lists]).toEqual([1, 150, 1])
    expect(world.domain.digests('1.0.9')[0]).toBe(image({ seed: 2 }).digest)
  })

  it('runs once a day if listings are used', async () => {
    world.release(5)
    await world.create()
    const fullScanAt = world.domain.time
    world.domain.time = fullScanAt + DAY - 30 * MINUTE
    expect((await world.poll()).requested).toHaveLength(0)
    expect((await world.poll()).requested).toHaveLength(5)
    expect(world.watch.fullScanAt).toBe(fullScanAt + DAY)
    expect((await world.poll()).requested).toHaveLength(0)
  })

  it('can be requested', async () => {
    world.release(5)
    await world.create()
    expect(await world.poll({ fullScan: true })).toMatchObject({ lists: 1, imported: { unchanged: 5 } })
    expect(world.watch.fullScanAt).toBe(world.domain.time)
    expect(() => world.domain.beginImport({ tag: '1.0.1', fullScan: true })).toThrow(
      'fullScan requires an import of the whole spec.dockerImageRepository: leave it out',
    )
  })

  it('that could not list the tags is repeated by the next import', async () => {
    world.release(5)
    await world.create()
    world.domain.time += DAY
    world.domain.remote.fail(UPSTREAM, '', 'RegistryUnavailable')
    world.push('1.0.2', 'moved')
    expect((await world.poll()).imported).toMatchObject({ state: 'FAILED', reason: 'RegistryUnavailable' })
    world.domain.remote.fail(UPSTREAM, '', null)
    const { imported, requested } = await world.poll()
    expect([imported.imported, requested.length]).toEqual([1, 5])
  })

  it('runs after the repository or the import mode of the spec changed', async () => {
    world.release(5)
    await world.create()
    world.domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: {
        dockerImageRepository: UPSTREAM,
        importPolicy: { insecure: true, scheduled: false, importMode: 'Legacy' },
      },
    })
    world.domain.time += MINUTE
    await world.domain.import()
    expect(world.take().requested).toHaveLength(5)
    expect((await world.poll()).requested).toEqual([])
  })

  it('runs after the clock was set back', async () => {
    world.release(5)
    await world.create()
    world.domain.time -= DAY
    expect((await world.poll()).requested).toHaveLength(5)
  })

  it('is every import with an interval of 0, without listings', async () => {
    await using plain = new VendorWorld({ fullScanMs: 0 })
    plain.release(5)
    await plain.create()
    const { requested, pages } = await plain.poll()
    expect([requested.length, pages]).toEqual([5, 0])
    expect(plain.watch).toMatchObject({ vendor: null, checkedBy: 'FULL_SWEEP' })
  })

  it('is remembered across a restart, as is the quarantine of a listing', async () => {
    const { remote } = world.domain
    world.release(5)
    await world.create()
    world.vendor.fail('Forbidden')
    await world.poll()
    const rows = world.domain.db.prepare('select * from repository_watches').all()
    expect(rows).toMatchObject([{ reason: 'Forbidden', set_aside_until: world.domain.time + DAY }])
    expect(remote.calls).toEqual([])
  })
})

describe('an import that takes too long', () => {
  it('stops, reports it, and does not count as a check', async () => {
    world.release(TAGS_IN_FLIGHT + 20)
    await world.create()
    const { domain } = world
    const before = world.watch
    world.push('1.0.2', 'moved')
    domain.time += DAY
    const held = domain.remote.hold(({ kind }) => kind === 'resolve')
    const importId = domain.beginImport()
    await held.reached
    domain.time += LONGEST_IMPORT + 1
    held.release()
    const finished = await domain.finished(importId)

    expect(finished).toMatchObject({
      state: 'PARTIALLY_SUCCEEDED',
      reason: 'RegistryUnavailable',
      message: `${UPSTREAM}: the import exceeded 6 hours: the remaining tags are unchanged`,
      total: TAGS_IN_FLIGHT + 20,
      unchanged: TAGS_IN_FLIGHT,
    })
    expect(world.watch).toEqual(before)
    world.take()
    expect(await world.poll()).toMatchObject({ lists: 1, imported: { state: 'SUCCEEDED', imported: 1 } })
  })
})

describe('a tag that disappeared from its registry', () => {
  let domain: TestDomain
  beforeEach(async () => {
    domain = world.domain
    domain.remote.listBy(UPSTREAM, null)
    world.release(3)
    await world.create()
  })

  it('is gone after a 404 by name, and keeps its history and the time since when', async () => {
    domain.remote.untag(UPSTREAM, '1.0.2')
    const { imported, requested } = await world.poll()

    expect(requested).toEqual(['1.0.3', '1.0.1', '1.0.2'])
    expect(imported).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', total: 3, unchanged: 2, failed: 1 })
    expect(domain.condition('1.0.2')).toMatchObject({
      type: 'ImportSuccess',
      status: 'False',
      reason: 'NotFound',
      message: `${UPSTREAM}: the tag 1.0.2 is gone: not listed since ${new Date(domain.time).toISOString()}, and the registry does not find it by name`,
    })
    expect(domain.digests('1.0.2')).toEqual([image({ seed: 2 }).digest])
  })

  it('is not requested by each full scan while it is not listed', async () => {
    domain.remote.untag(UPSTREAM, '1.0.2')
    await world.poll()
    const { resourceVersion } = domain.stream()
    const { imported, requested } = await world.poll()

    expect(requested).toEqual(['1.0.3', '1.0.1'])
    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 2, unchanged: 2 })
    expect(domain.condition('1.0.2')?.reason).toBe('NotFound')
    expect(domain.stream().resourceVersion).toBe(resourceVersion)
  })

  it('recovers when it is listed again, with the same image or another', async () => {
    domain.remote.untag(UPSTREAM, '1.0.2')
    await world.poll()
    world.push('1.0.2', 2)
    expect(await world.poll()).toMatchObject({ imported: { state: 'SUCCEEDED', unchanged: 3 } })
    expect(domain.condition('1.0.2')).toBeUndefined()
    expect(domain.history('1.0.2')).toHaveLength(1)

    domain.remote.untag(UPSTREAM, '1.0.2')
    await world.poll()
    world.push('1.0.2', 'another')
    await world.poll()
    expect(domain.condition('1.0.2')).toBeUndefined()
    expect(domain.history('1.0.2')).toHaveLength(2)
  })

  it('recovers when only the vendor’s listing contains it again', async () => {
    domain.remote.untag(UPSTREAM, '1.0.2')
    world.vendor.forget('1.0.2')
    await world.poll()
    domain.remote.listBy(UPSTREAM, world.vendor)
    expect((await world.poll()).requested).toEqual([])
    world.push('1.0.2', 'another')
    expect(await world.poll()).toMatchObject({ requested: ['1.0.2'], lists: 0, imported: { imported: 1 } })
    expect(domain.condition('1.0.2')).toBeUndefined()
  })

  it('still exists if the registry only omitted it from its list', async () => {
    domain.remote.hideFromLists(UPSTREAM, '1.0.2')
    for (let scan = 0; scan < 3; scan++) {
      expect(await world.poll()).toMatchObject({ imported: { state: 'SUCCEEDED', unchanged: 3 } })
    }
    expect(domain.condition('1.0.2')).toBeUndefined()
  })

  it.each([
    'Unauthorized',
    'Forbidden',
    'TooManyRequests',
    'RegistryUnavailable',
    'InvalidManifest',
  ] as const)(
    'is not gone after any number of full scans while the request by name is refused, limited or failed (%s)',
    async (reason) => {
      domain.remote.untag(UPSTREAM, '1.0.2').fail(UPSTREAM, '1.0.2', reason)
      for (let scan = 0; scan < 4; scan++) {
        expect((await world.poll()).requested).toContain('1.0.2')
        expect(domain.condition('1.0.2')?.reason).toBe(reason)
      }
      domain.remote.fail(UPSTREAM, '1.0.2', null)
      await world.poll()
      expect(domain.condition('1.0.2')?.reason).toBe('NotFound')
    },
  )

  it.each([500, 502, 503, 408, 451])('is not gone after responses with the status %i', async (status) => {
    domain.remote.untag(UPSTREAM, '1.0.2').refuse(UPSTREAM, '1.0.2', responseOf(status))
    for (let scan = 0; scan < 3; scan++) await world.poll()
    expect(domain.condition('1.0.2')?.reason).toBe('RegistryUnavailable')
  })

  it.each([400, 405, 501])(
    'is gone after its absence in two full scans if the registry cannot respond to a request by name (%i)',
    async (status) => {
      domain.remote.untag(UPSTREAM, '1.0.2').refuse(UPSTREAM, '1.0.2', responseOf(status))
      await world.poll()
      const since = domain.time
      expect(domain.condition('1.0.2')?.reason).toBe('RegistryUnavailable')
      await world.poll()

      expect(domain.condition('1.0.2')).toMatchObject({
        reason: 'NotFound',
        message: `${UPSTREAM}: the tag 1.0.2 is gone: not listed since ${new Date(since).toISOString()}, in two complete lists; by name: ${responseOf(status).message}`,
      })
      expect((await world.poll()).requested).toEqual(['1.0.3', '1.0.1'])
    },
  )

  it('is not gone after two full scans at nearly the same time, which one outage may affect', async () => {
    domain.remote.untag(UPSTREAM, '1.0.2').refuse(UPSTREAM, '1.0.2', responseOf(405))
    await world.poll()
    await domain.import()
    expect(domain.condition('1.0.2')?.reason).toBe('RegistryUnavailable')
    domain.time += MINUTE
    await domain.import()
    expect(domain.condition('1.0.2')?.reason).toBe('NotFound')
  })

  it('counts from the second absence if it was listed in between', async () => {
    domain.remote.untag(UPSTREAM, '1.0.2').refuse(UPSTREAM, '1.0.2', responseOf(405))
    await world.poll()
    world.push('1.0.2', 2)
    await world.poll()
    domain.remote.untag(UPSTREAM, '1.0.2')
    await world.poll()
    expect(domain.condition('1.0.2')?.reason).toBe('RegistryUnavailable')
  })

  it.each<[string, (remote: FakeRegistry) => void]>([
    ['that does not handle every tag', () => {}],
    ['whose list is incomplete', (remote) => remote.leadInCircles(UPSTREAM)],
  ])('counts from the second absence if it was listed in between by an import %s', async (_, spoil) => {
    const before = domain.remote
    before.untag(UPSTREAM, '1.0.2').refuse(UPSTREAM, '1.0.2', responseOf(405))
    await world.poll()
    world.push('1.0.2', 2)
    for (let at = 0; at < TAGS_IN_FLIGHT; at++) world.push(`x${at}`, 2)
    spoil(before)
    const held = before.hold(({ kind }) => kind === 'resolve')
    domain.time += 15 * MINUTE
    const importId = domain.beginImport()
    await held.reached
    // the tags that were begun end, and no other begins
    domain.time += LONGEST_IMPORT + 1
    held.release()
    expect(await domain.finished(importId)).toMatchObject({ message: expect.stringContaining('exceeded') })
    before.untag(UPSTREAM, '1.0.2')
    before.leadInCircles(UPSTREAM, false)
    await world.poll()

    expect(domain.condition('1.0.2')?.reason).toBe('RegistryUnavailable')
  })

  it.each<[string, (domain: TestDomain) => void]>([
    ['failed', ({ remote }) => remote.fail(UPSTREAM, '', 'RegistryUnavailable')],
    ['broke off', ({ remote }) => remote.fail(UPSTREAM, '1.0.1', 'RegistryUnavailable')],
    ['went in circles', ({ remote }) => remote.leadInCircles(UPSTREAM)],
  ])('is not concluded from a listing that %s', async (_, spoil) => {
    domain.remote.pageSize = 1
    domain.remote.untag(UPSTREAM, '1.0.2')
    spoil(domain)
    const { requested } = await world.poll()

    expect(requested).not.toContain('1.0.2')
    expect(domain.condition('1.0.2')).toBeUndefined()
  })

  it('is not gone because a vendor’s listing lacks it', async () => {
    domain.remote.listBy(UPSTREAM, world.vendor)
    world.vendor.newestFirst = false
    await world.poll({ fullScan: true })
    world.vendor.forget('1.0.2')
    domain.remote.untag(UPSTREAM, '1.0.2')

    expect(await world.poll()).toMatchObject({ requested: [], imported: { unchanged: 3 } })
    expect(domain.condition('1.0.2')).toBeUndefined()
    expect(await world.poll({ fullScan: true })).toMatchObject({ imported: { failed: 1 } })
  })

  it('between tag list and HEAD is skipped, and checked by the next full scan', async () => {
    world.push('fleeting', 'fleeting')
    const held = domain.remote.hold(({ kind, subject }) => kind === 'resolve' && subject === 'fleeting')
    const polling = world.poll()
    await held.reached
    domain.remote.untag(UPSTREAM, 'fleeting')
    held.release()
    await polling
    expect(domain.tag('fleeting')).toBeUndefined()

    world.push('fleeting', 'fleeting')
    expect((await world.poll()).requested).toContain('fleeting')
    expect(domain.digests('fleeting')).toEqual([image({ seed: 'fleeting' }).digest])
  })

  it('is not a tag of the stream’s previous repository', async () => {
    domain.remote.push('mirror.test/ruby', 'latest', image({ seed: 'mirror' }))
    const { importId } = domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { dockerImageRepository: 'mirror.test/ruby' },
    })
    await domain.finished(importId ?? 0)
    expect(domain.remote.requested('resolve')).toEqual(['latest'])
    expect(domain.condition('1.0.2')).toBeUndefined()
  })
})
