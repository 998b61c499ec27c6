import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, UPSTREAM } from '../fixtures/test-domain.ts'
import { DAY, HOUR, MINUTE, VendorWorld } from './vendor-world.ts'

let world: VendorWorld
beforeEach(() => {
  world = new VendorWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const digestOf = (seed: string | number): Digest => image({ seed }).digest

describe('an import of a repository whose vendor has a listing', () => {
  it('is a full scan the first time, and reads the newest page of the listing', async () => {
    world.release(250)
    const { imported } = await world.domain.create()

    expect(imported).toMatchObject({ state: 'SUCCEEDED', imported: 250 })
    const { requested, lists, pages } = world.take()
    expect([requested.length, lists, pages]).toEqual([250, 1, 1])
    expect(world.watch).toMatchObject({
      vendor: 'Quay',
      checkedBy: 'FULL_SWEEP',
      fullScanAt: world.domain.time,
    })
  })

  it('requests every tag if the registry has no listing', async () => {
    world.domain.remote.listBy(UPSTREAM, null)
    world.release(3)
    await world.create()
    expect(await world.poll()).toMatchObject({ lists: 1, pages: 0, imported: { unchanged: 3 } })
    expect(world.watch).toMatchObject({ vendor: null, checkedBy: 'FULL_SWEEP' })
  })

  it('recognizes a vendor by the response to the tag list', async () => {
    world.vendor.isKnownLater = true
    world.release(150)
    await world.create()
    expect(world.watch).toMatchObject({ vendor: 'Quay' })
    world.push('1.0.2', 'moved')
    // as after a restart: there is no knowledge of the vendor
    world.domain.remote.meet(UPSTREAM, false)
    expect(await world.poll()).toMatchObject({ requested: ['1.0.2'], lists: 1, pages: 1 })
    expect(await world.poll()).toMatchObject({ requested: [], lists: 0, pages: 1 })
  })

  it('costs one page without changes, with a result for every tag', async () => {
    world.release(250)
    await world.create()
    const { imported, ...cost } = await world.poll()

    expect(cost).toEqual({ requested: [], lists: 0, pages: 1 })
    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 250, imported: 0, unchanged: 250, failed: 0 })
    expect(world.domain.results(imported.id)).toHaveLength(250)
    expect(world.watch).toMatchObject({ checkedBy: 'LISTING', checkedAt: world.domain.time })
  })

  it('finds one changed tag among many by a page and one HEAD, which is recorded', async () => {
    world.release(250)
    await world.create()
    world.push('1.0.7', 'moved')
    const { imported, ...cost } = await world.poll()

    expect(cost).toEqual({ requested: ['1.0.7'], lists: 0, pages: 1 })
    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 250, imported: 1, unchanged: 249 })
    expect(world.domain.digests('1.0.7')).toEqual([digestOf('moved'), digestOf(7)])
    expect(world.domain.log()).toHaveLength(251)
  })

  it('imports a new tag', async () => {
    world.release(150)
    await world.create()
    world.push('latest', 'new')
    const { imported, ...cost } = await world.poll()

    expect(cost).toEqual({ requested: ['latest'], lists: 0, pages: 1 })
    expect(imported).toMatchObject({ total: 151, imported: 1, unchanged: 150 })
    expect(world.domain.digests('latest')).toEqual([digestOf('new')])
  })

  it('stops at the first page with a known name, digest and time', async () => {
    world.release(350)
    await world.create()
    for (let at = 1; at <= 130; at++) world.push(`1.0.${at}`, `moved ${at}`)
    const { imported, ...cost } = await world.poll()

    expect(cost.pages).toBe(2)
    expect(cost.requested).toHaveLength(130)
    expect(imported).toMatchObject({ imported: 130, unchanged: 220 })
    expect((await world.poll()).pages).toBe(1)
  })

  it('stops only if the number of tags is the expected one', async () => {
    world.release(350)
    await world.create()
    world.vendor.forget('1.0.3')
    expect(await world.poll()).toMatchObject({ requested: [], lists: 0, pages: 4 })
    expect(await world.poll()).toMatchObject({ pages: 1 })
  })

  it('reads all pages of a listing in another order', async () => {
    world.vendor.newestFirst = false
    world.vendor.vendor = 'Amazon ECR'
    world.release(250)
    await world.create()
    world.vendor.claimInPlace('1.0.9', digestOf('moved'), null)
    world.domain.remote.push(UPSTREAM, '1.0.9', image({ seed: 'moved' }))

    expect(await world.poll()).toMatchObject({ requested: ['1.0.9'], lists: 0, pages: 3 })
    expect(await world.poll()).toMatchObject({ requested: [], pages: 3 })
  })

  it('imports a tag again that was removed from the stream, on any page of the listing', async () => {
    world.release(250)
    await world.create()
    const { domain } = world
    domain.db.transact((tx) =>
      domain.recorder.removeTag(tx, SYSTEM, {
        stream: domain.stream(),
        tag: '1.0.2' as never,
        reason: 'UNTAGGED',
      }),
    )
    expect(await world.poll()).toMatchObject({ requested: ['1.0.2'], lists: 0, pages: 3 })
    expect(domain.digests('1.0.2')).toEqual([digestOf(2), digestOf(2)])
    expect(await world.poll()).toMatchObject({ requested: [], pages: 1 })
  })

  it('imports a repository’s tag again after the spec tag of its name was removed', async () => {
    world.release(150)
    await world.create()
    const { domain } = world
    domain.remote.push('other.test/app', 'v1', image({ seed: 'other' }))
    await domain.import({ tag: '1.0.4', from: 'other.test/app:v1' })
    expect(domain.digests('1.0.4')[0]).toBe(digestOf('other'))
    world.take()
    expect(await world.poll()).toMatchObject({ imported: { unchanged: 150 } })
    domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { dockerImageRepository: UPSTREAM, tags: [] },
    })
    world.take()

    expect((await world.poll()).requested).toEqual(['1.0.4'])
    expect(domain.digests('1.0.4')).toEqual([digestOf(4), digestOf('other'), digestOf(4)])
  })

  it('does not import tags that spec tags name', async () => {
    world.release(3)
    world.domain.remote.push('other.test/app', 'v1', image({ seed: 'other' }))
    await world.domain.create({
      spec: { dockerImageRepository: UPSTREAM, tags: [fromImage('1.0.2', 'other.test/app:v1')] },
    })
    world.take()
    world.push('1.0.2', 'moved')
    const { imported, requested } = await world.poll()

    expect(requested).toEqual(['v1'])
    expect(imported).toMatchObject({ total: 3, unchanged: 3 })
    expect(world.domain.digests('1.0.2')).toEqual([digestOf('other')])
  })

  it('requests tags again that could not be read, on any page of the listing', async () => {
    world.release(150)
    world.domain.remote.fail(UPSTREAM, '1.0.1', 'RegistryUnavailable')
    await world.create()
    expect(await world.poll()).toMatchObject({
      requested: ['1.0.1'],
      imported: { failed: 1, unchanged: 149 },
    })
    world.domain.remote.fail(UPSTREAM, '1.0.1', null)
    expect(await world.poll()).toMatchObject({ requested: ['1.0.1'], imported: { imported: 1 } })
    expect(await world.poll()).toMatchObject({ requested: [], imported: { unchanged: 150 } })
  })

  it('reports an invalid manifest again without a request', async () => {
    world.release(3)
    world.domain.remote.fail(UPSTREAM, '1.0.1', 'InvalidManifest')
    await world.create()
    await world.poll()
    const { imported, requested } = await world.poll()

    expect(requested).toEqual([])
    expect(imported).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', total: 3, unchanged: 2, failed: 1 })
    expect(world.domain.results(imported.id).filter(({ state }) => state === 'FAILED')).toMatchObject([
      { tag: '1.0.1', reason: 'InvalidManifest' },
    ])
  })

  it('restores the repository’s image of a tag that was overwritten by a push', async () => {
    world.release(150)
    await world.create()
    const { domain } = world
    const { id: streamId, namespace, name: streamName } = domain.stream()
    const imageId = domain.tag('1.0.9')?.image?.id ?? 0
    domain.db.transact((tx) =>
      domain.recorder.recordTagEvent(
        tx,
        SYSTEM,
        { streamId, namespace, streamName, tag: '1.0.2' as never },
        {
          imageId,
          dockerImageReference: `registry.here:4000/default/ruby@${digestOf(9)}`,
          generation: 1,
          source: 'REGISTRY',
          upstreamDigest: null,
          at: domain.time,
        },
      ),
    )
    expect(await world.poll()).toMatchObject({
      requested: ['1.0.2'],
      imported: { imported: 1, unchanged: 149 },
    })
    expect(domain.digests('1.0.2')).toEqual([digestOf(2), digestOf(9), digestOf(2)])
  })

  it('with a limit of tags reads the names from the registry, and changes from the listing', async () => {
    await using limited = new VendorWorld({ maximumTags: 5 })
    limited.release(20)
    await limited.create()
    limited.push('1.0.1', 'beyond the limit')
    limited.push('1.0.20', 'moved')
    const { imported, ...cost } = await limited.poll()

    expect(cost).toEqual({ requested: ['1.0.20'], lists: 1, pages: 1 })
    expect(imported).toMatchObject({ total: 5, imported: 1, unchanged: 4 })
    expect(imported.additionalTags).toHaveLength(15)
  })

  it('in another mode is a full scan, and so is the next one', async () => {
    world.release(5)
    await world.create()
    expect((await world.poll({ importMode: 'PreserveOriginal' })).requested).toHaveLength(5)
    expect((await world.poll()).requested).toHaveLength(5)
    expect((await world.poll()).requested).toHaveLength(0)
  })

  it('reads the registry’s tag list in a dry run', async () => {
    world.release(5)
    await world.create()
    expect(await world.poll({ dryRun: true })).toMatchObject({ lists: 1, pages: 0 })
  })
})

describe('a claim of a listing', () => {
  beforeEach(async () => {
    world.release(150)
    await world.create()
    world.domain.time += 2 * HOUR
  })

  it('that is outdated changes nothing', async () => {
    world.domain.remote.push(UPSTREAM, '1.0.150', image({ seed: 'unheard of' }))
    expect(await world.poll()).toMatchObject({ requested: [], imported: { imported: 0, unchanged: 150 } })

    // an import of the tag alone, while the listing still reports the old digest
    await world.domain.import({ tag: '1.0.150' })
    world.take()
    const log = world.domain.log()
    for (const requested of [['1.0.150'], [], []]) {
      expect(await world.poll()).toMatchObject({ requested, imported: { imported: 0, unchanged: 150 } })
    }
    expect(world.domain.digests('1.0.150')).toEqual([digestOf('unheard of'), digestOf(150)])
    expect(world.domain.log()).toEqual(log)
  })

  it('that goes backwards (renovate#46238) changes nothing, loses nothing, and is checked once', async () => {
    const old = world.domain.time - 3 * HOUR
    world.push('1.0.150', 'moved')
    await world.poll()
    const log = world.domain.log().length
    world.domain.time += HOUR
    world.vendor.claimInPlace('1.0.150', digestOf(150), old)

    expect(await world.poll()).toMatchObject({
      requested: ['1.0.150'],
      imported: { imported: 0, unchanged: 150 },
    })
    expect(await world.poll()).toMatchObject({ requested: [], pages: 1 })
    expect(await world.poll()).toMatchObject({ requested: [], pages: 1 })
    expect(world.domain.digests('1.0.150')[0]).toBe(digestOf('moved'))
    expect(world.domain.log()).toHaveLength(log)
  })

  it('that alternates between two digests does not cost a HEAD each time', async () => {
    const was = world.domain.time - 3 * HOUR
    world.push('1.0.150', 'moved')
    await world.poll()
    world.domain.time += HOUR
    const is = world.domain.time - 2 * HOUR
    world.vendor.claimInPlace('1.0.150', digestOf(150), was)
    await world.poll()
    for (const stale of [false, true, false, true]) {
      if (stale) world.vendor.claimInPlace('1.0.150', digestOf(150), was)
      else world.vendor.claimInPlace('1.0.150', digestOf('moved'), is)
      expect((await world.poll()).requested).toEqual([])
    }
  })

  it('that the registry did not confirm is verified again for an hour', async () => {
    world.vendor.claim('1.0.3', digestOf('soon'), world.domain.time)
    expect((await world.poll()).requested).toEqual(['1.0.3'])
    expect((await world.poll()).requested).toEqual(['1.0.3'])
    world.domain.remote.push(UPSTREAM, '1.0.3', image({ seed: 'soon' }))
    expect((await world.poll()).imported).toMatchObject({ imported: 1 })
    expect((await world.poll()).requested).toEqual([])
  })

  it('about an unknown tag is verified for an hour', async () => {
    world.vendor.claim('phantom', digestOf('phantom'), world.domain.time)
    const requested: string[][] = []
    for (let poll = 0; poll < 7; poll++) requested.push((await world.poll()).requested)

    expect(requested.flat()).toEqual(['phantom', 'phantom', 'phantom', 'phantom'])
    expect(world.domain.tag('phantom')).toBeUndefined()
  })

  it('with a null digest causes no request, and one with a new time is verified once', async () => {
    world.vendor.claimInPlace('1.0.149', null, null)
    expect((await world.poll()).requested).toEqual([])
    const long = world.domain.time - 5 * HOUR
    world.vendor.claim('1.0.149', null, long)
    expect((await world.poll()).requested).toEqual(['1.0.149'])
    expect((await world.poll()).requested).toEqual([])
    world.vendor.claim('1.0.149', null, long + HOUR)
    expect((await world.poll()).requested).toEqual(['1.0.149'])
  })

  it('that could not be verified is verified by the next import', async () => {
    world.push('1.0.5', 'moved')
    world.domain.remote.fail(UPSTREAM, '1.0.5', 'RegistryUnavailable')
    expect(await world.poll()).toMatchObject({ requested: ['1.0.5'], imported: { failed: 1 } })
    world.domain.remote.fail(UPSTREAM, '1.0.5', null)
    expect(await world.poll()).toMatchObject({ requested: ['1.0.5'], imported: { imported: 1 } })
  })
})

describe('a listing that fails', () => {
  beforeEach(async () => {
    world.release(150)
    await world.create()
  })

  it.each([
    'Forbidden',
    'Unauthorized',
    'NotFound',
    'InvalidListing',
    'ListingTooLong',
    'RegistryUnavailable',
  ] as const)(
    'because of %s is replaced by the plain protocol for 24 h, with a condition',
    async (reason) => {
      world.vendor.fail(reason)
      const { imported, requested, lists } = await world.poll()

      expect([imported.state, requested.length, lists]).toEqual(['SUCCEEDED', 150, 1])
      const since = world.domain.time
      expect(world.watch).toMatchObject({
        reason,
        message: `Quay refused its listing: ${reason}`,
        failingSince: since,
        setAsideUntil: since + DAY,
        checkedBy: 'FULL_SWEEP',
      })

      world.vendor.failure = null
      expect((await world.poll()).pages).toBe(0)
      world.domain.time = since + DAY - 30 * MINUTE
      expect((await world.poll()).pages).toBe(0)
      // the registry itself reported all changes meanwhile: the reading continues there
      expect(await world.poll()).toMatchObject({ requested: [], lists: 0, pages: 1 })
      expect(world.watch).toMatchObject({ reason: null, setAsideUntil: null, failingSince: null })
    },
  )

  it('because of TooManyRequests is disabled for an hour, with a condition', async () => {
    world.vendor.fail('TooManyRequests')
    await world.poll()
    expect(world.watch).toMatchObject({ reason: 'TooManyRequests', setAsideUntil: world.domain.time + HOUR })
    world.vendor.failure = null
    world.domain.time += HOUR - 15 * MINUTE
    expect(await world.poll()).toMatchObject({ requested: [], lists: 0 })
  })

  it('is read again by a requested full scan', async () => {
    world.vendor.fail('Forbidden')
    await world.poll()
    expect(await world.poll({ fullScan: true })).toMatchObject({ lists: 1 })
    expect(world.watch).toMatchObject({ reason: 'Forbidden', setAsideUntil: world.domain.time + DAY })

    world.vendor.failure = null
    expect(await world.poll({ fullScan: true })).toMatchObject({ lists: 1, pages: 1 })
    expect(world.watch).toMatchObject({ reason: null, setAsideUntil: null })
    expect(await world.poll()).toMatchObject({ requested: [], lists: 0, pages: 1 })
  })

  it('again has the time of the first failure', async () => {
    world.vendor.fail('Forbidden')
    await world.poll()
    const since = world.domain.time
    world.domain.time += DAY
    await world.poll()
    expect(world.watch).toMatchObject({ failingSince: since, setAsideUntil: world.domain.time + DAY })
  })

  it('because it is empty (hexpm/bob#282) changes nothing', async () => {
    world.vendor.claim('x', null, null)
    for (let at = 1; at <= 150; at++) world.vendor.forget(`1.0.${at}`)
    world.vendor.forget('x')
    const { imported, requested } = await world.poll()

    expect(imported).toMatchObject({ state: 'SUCCEEDED', unchanged: 150 })
    expect(requested).toHaveLength(150)
    expect(world.watch).toMatchObject({
      reason: 'InvalidListing',
      message: 'the listing of Quay is implausible: it is empty, but 150 tags are known',
    })
  })

  it('because it lacks most tags changes nothing', async () => {
    for (let at = 1; at <= 100; at++) world.vendor.forget(`1.0.${at}`)
    const { imported } = await world.poll()

    expect(imported).toMatchObject({ state: 'SUCCEEDED', unchanged: 150 })
    expect(world.watch).toMatchObject({ reason: 'InvalidListing' })
    expect(world.domain.tagNames()).toHaveLength(150)
  })

  it('because of an internal error is disabled, and the import goes on', async () => {
    world.vendor.failure = new TypeError('cannot read') as never
    const { imported, requested } = await world.poll()

    expect([imported.state, requested.length]).toEqual(['SUCCEEDED', 150])
    expect(world.domain.internalErrors).toHaveLength(1)
    expect(world.watch).toMatchObject({ reason: 'InternalError' })
    world.domain.internalErrors.length = 0
  })
})

describe('a listing with a limit of pages for anonymous readers (harbor#23819, dotCMS#37027)', () => {
  beforeEach(async () => {
    world.vendor.vendor = 'Docker Hub'
    world.vendor.maximumPages = 2
    world.release(500)
    await world.create()
  })

  it('is sufficient while all changes are on these pages', async () => {
    world.push('1.0.3', 'moved')
    expect(await world.poll()).toMatchObject({ requested: ['1.0.3'], lists: 0, pages: 1 })
  })

  it('is replaced by a full scan otherwise', async () => {
    for (let at = 1; at <= 220; at++) world.push(`1.0.${at}`, `moved ${at}`)
    const { imported, requested, lists, pages } = await world.poll()

    expect([imported.imported, requested.length, lists, pages]).toEqual([220, 500, 1, 2])
    expect(world.watch).toMatchObject({ checkedBy: 'FULL_SWEEP', reason: null })
    expect(await world.poll()).toMatchObject({ requested: [], lists: 0, pages: 1 })
  })

  it('is completed by the registry’s tag list if the number of tags differs', async () => {
    world.vendor.forget('1.0.2')
    world.domain.remote.untag(UPSTREAM, '1.0.2')
    const { requested, lists, pages } = await world.poll()

    expect([requested, lists, pages]).toEqual([['1.0.2'], 1, 2])
    expect(world.watch).toMatchObject({ checkedBy: 'LISTING' })
    expect(await world.poll()).toMatchObject({ requested: [], lists: 0, pages: 1 })
  })
})
