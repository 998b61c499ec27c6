import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LONGEST_IMPORT, TAGS_IN_FLIGHT } from '../../src/imagestream/import/import-run.ts'
import { image } from '../fixtures/random-image.ts'
import { type TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'
import { DAY, HOUR, MINUTE, VendorWorld } from './vendor-world.ts'

let world: VendorWorld
beforeEach(() => {
  world = new VendorWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

describe('a full sweep', () => {
  it('finds what Harbor’s listing cannot show, and no webhook tells of: retagging an old digest (harbor#22640)', async () => {
    world.vendor.vendor = 'Harbor'
    world.release(150)
    await world.create()
    const pushed = world.domain.time - HOUR
    // its order is that of the push of the artifact, and that was long ago
    world.domain.remote.push(UPSTREAM, '1.0.9', image({ seed: 2 }))
    world.vendor.claimInPlace('1.0.9', image({ seed: 2 }).digest, pushed)
    expect(await world.poll()).toMatchObject({ asked: [], imported: { imported: 0 } })

    world.domain.time += DAY
    const { imported, asked, lists } = await world.poll()
    expect([imported.imported, asked.length, lists]).toEqual([1, 150, 1])
    expect(world.domain.digests('1.0.9')[0]).toBe(image({ seed: 2 }).digest)
  })

  it('comes once a day where listings are used, and not before', async () => {
    world.release(5)
    await world.create()
    const sweptAt = world.domain.time
    world.domain.time = sweptAt + DAY - 30 * MINUTE
    expect((await world.poll()).asked).toHaveLength(0)
    expect((await world.poll()).asked).toHaveLength(5)
    expect(world.watch.sweptAt).toBe(sweptAt + DAY)
    expect((await world.poll()).asked).toHaveLength(0)
  })

  it('can be asked for', async () => {
    world.release(5)
    await world.create()
    expect(await world.poll({ fullSweep: true })).toMatchObject({ lists: 1, imported: { unchanged: 5 } })
    expect(world.watch.sweptAt).toBe(world.domain.time)
    expect(() => world.domain.beginImport({ tag: '1.0.1', fullSweep: true })).toThrow(
      'fullSweep requires an import of the whole spec.dockerImageRepository: leave it out',
    )
  })

  it('that could not list the tags is made by the next import', async () => {
    world.release(5)
    await world.create()
    world.domain.time += DAY
    world.domain.remote.fail(UPSTREAM, '', 'RegistryUnavailable')
    world.push('1.0.2', 'moved')
    expect((await world.poll()).imported).toMatchObject({ state: 'FAILED', reason: 'RegistryUnavailable' })
    world.domain.remote.fail(UPSTREAM, '', null)
    const { imported, asked } = await world.poll()
    expect([imported.imported, asked.length]).toEqual([1, 5])
  })

  it('is made after the spec changed where the images come from, or how', async () => {
    world.release(5)
    await world.create()
    world.domain.writer.update({
      namespace: 'default',
      name: 'ruby',
      spec: {
        dockerImageRepository: UPSTREAM,
        importPolicy: { insecure: true, scheduled: false, importMode: 'Legacy' },
      },
    })
    world.domain.time += MINUTE
    await world.domain.import()
    expect(world.take().asked).toHaveLength(5)
    expect((await world.poll()).asked).toEqual([])
  })

  it('is made where the clock was set back', async () => {
    world.release(5)
    await world.create()
    world.domain.time -= DAY
    expect((await world.poll()).asked).toHaveLength(5)
  })

  it('is what every import is without hours between them, and no vendor is asked', async () => {
    await using plain = new VendorWorld({ fullSweepMs: 0 })
    plain.release(5)
    await plain.create()
    const { asked, pages } = await plain.poll()
    expect([asked.length, pages]).toEqual([5, 0])
    expect(plain.watch).toMatchObject({ vendor: null, checkedBy: 'FULL_SWEEP' })
  })

  it('after which the server is restarted is remembered, as is what set the listing aside', async () => {
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
  it('gives its place to others, says so, and has checked nothing', async () => {
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
      message: `${UPSTREAM} took more than 6 hours: the tags that were not come to are as they were`,
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

  it('is believed to be gone at a confirming HEAD 404, keeps its history and says since when', async () => {
    domain.remote.untag(UPSTREAM, '1.0.2')
    const { imported, asked } = await world.poll()

    expect(asked).toEqual(['1.0.3', '1.0.1', '1.0.2'])
    expect(imported).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', total: 3, unchanged: 2, failed: 1 })
    expect(domain.condition('1.0.2')).toMatchObject({
      type: 'ImportSuccess',
      status: 'False',
      reason: 'NotFound',
      message: `${UPSTREAM}: the tag 1.0.2 is gone: not listed since ${new Date(domain.time).toISOString()}, and asked for it the registry does not have it`,
    })
    expect(domain.digests('1.0.2')).toEqual([image({ seed: 2 }).digest])
  })

  it('is not asked for again in each sweep while it is unlisted', async () => {
    domain.remote.untag(UPSTREAM, '1.0.2')
    await world.poll()
    const { resourceVersion } = domain.stream()
    const { imported, asked } = await world.poll()

    expect(asked).toEqual(['1.0.3', '1.0.1'])
    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 2, unchanged: 2 })
    expect(domain.condition('1.0.2')?.reason).toBe('NotFound')
    expect(domain.stream().resourceVersion).toBe(resourceVersion)
  })

  it('recovers when it comes back, the same or another', async () => {
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

  it('recovers when only the vendor tells that it is back', async () => {
    domain.remote.untag(UPSTREAM, '1.0.2')
    world.vendor.forget('1.0.2')
    await world.poll()
    domain.remote.listBy(UPSTREAM, world.vendor)
    expect((await world.poll()).asked).toEqual([])
    world.push('1.0.2', 'another')
    expect(await world.poll()).toMatchObject({ asked: ['1.0.2'], lists: 0, imported: { imported: 1 } })
    expect(domain.condition('1.0.2')).toBeUndefined()
  })

  it('is still there where the registry only left it out of its list', async () => {
    domain.remote.hideFromLists(UPSTREAM, '1.0.2')
    for (let sweep = 0; sweep < 3; sweep++) {
      expect(await world.poll()).toMatchObject({ imported: { state: 'SUCCEEDED', unchanged: 3 } })
    }
    expect(domain.condition('1.0.2')).toBeUndefined()
  })

  it.each(['RegistryUnavailable', 'Forbidden'] as const)(
    'where the registry cannot confirm it (%s) is gone after its absence in two complete sweeps',
    async (reason) => {
      domain.remote.untag(UPSTREAM, '1.0.2').fail(UPSTREAM, '1.0.2', reason)
      await world.poll()
      const since = domain.time
      expect(domain.condition('1.0.2')?.reason).toBe(reason)
      await world.poll()

      expect(domain.condition('1.0.2')).toMatchObject({
        reason: 'NotFound',
        message: `${UPSTREAM}: the tag 1.0.2 is gone: not listed since ${new Date(since).toISOString()}, in two whole lists; asked for it: ${UPSTREAM}: 1.0.2: ${reason}`,
      })
      expect((await world.poll()).asked).toEqual(['1.0.3', '1.0.1'])
    },
  )

  it('is not concluded from two sweeps at nearly the same time, which one outage may have spoilt', async () => {
    domain.remote.untag(UPSTREAM, '1.0.2').fail(UPSTREAM, '1.0.2', 'RegistryUnavailable')
    await world.poll()
    await domain.import()
    expect(domain.condition('1.0.2')?.reason).toBe('RegistryUnavailable')
    domain.time += MINUTE
    await domain.import()
    expect(domain.condition('1.0.2')?.reason).toBe('NotFound')
  })

  it('counts anew when it was listed in between', async () => {
    domain.remote.untag(UPSTREAM, '1.0.2').fail(UPSTREAM, '1.0.2', 'RegistryUnavailable')
    await world.poll()
    world.push('1.0.2', 2)
    await world.poll()
    domain.remote.untag(UPSTREAM, '1.0.2')
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
    const { asked } = await world.poll()

    expect(asked).not.toContain('1.0.2')
    expect(domain.condition('1.0.2')).toBeUndefined()
  })

  it('is not concluded from what a vendor’s listing lacks', async () => {
    domain.remote.listBy(UPSTREAM, world.vendor)
    world.vendor.newestFirst = false
    await world.poll({ fullSweep: true })
    world.vendor.forget('1.0.2')
    domain.remote.untag(UPSTREAM, '1.0.2')

    expect(await world.poll()).toMatchObject({ asked: [], imported: { unchanged: 3 } })
    expect(domain.condition('1.0.2')).toBeUndefined()
    expect(await world.poll({ fullSweep: true })).toMatchObject({ imported: { failed: 1 } })
  })

  it('between list and HEAD is skipped, and looked for in the next sweep', async () => {
    world.push('fleeting', 'fleeting')
    const held = domain.remote.hold(({ kind, subject }) => kind === 'resolve' && subject === 'fleeting')
    const polling = world.poll()
    await held.reached
    domain.remote.untag(UPSTREAM, 'fleeting')
    held.release()
    await polling
    expect(domain.tag('fleeting')).toBeUndefined()

    world.push('fleeting', 'fleeting')
    expect((await world.poll()).asked).toContain('fleeting')
    expect(domain.digests('fleeting')).toEqual([image({ seed: 'fleeting' }).digest])
  })

  it('is none of a repository that the stream had before', async () => {
    domain.remote.push('mirror.test/ruby', 'latest', image({ seed: 'mirror' }))
    const { importId } = domain.writer.update({
      namespace: 'default',
      name: 'ruby',
      spec: { dockerImageRepository: 'mirror.test/ruby' },
    })
    await domain.finished(importId ?? 0)
    expect(domain.remote.asked('resolve')).toEqual(['latest'])
    expect(domain.condition('1.0.2')).toBeUndefined()
  })
})
