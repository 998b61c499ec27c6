import { afterEach, beforeEach, describe, expect, it } from 'vitest'
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
  it('is a full sweep the first time, and reads where the listing goes on from', async () => {
    world.release(250)
    const { imported } = await world.domain.create()

    expect(imported).toMatchObject({ state: 'SUCCEEDED', imported: 250 })
    const { asked, lists, pages } = world.take()
    expect([asked.length, lists, pages]).toEqual([250, 1, 1])
    expect(world.watch).toMatchObject({ vendor: 'Quay', checkedBy: 'FULL_SWEEP', sweptAt: world.domain.time })
  })

  it('is none of a registry that has no such listing', async () => {
    world.domain.remote.listBy(UPSTREAM, null)
    world.release(3)
    await world.create()
    expect(await world.poll()).toMatchObject({ lists: 1, pages: 0, imported: { unchanged: 3 } })
    expect(world.watch).toMatchObject({ vendor: null, checkedBy: 'FULL_SWEEP' })
  })

  it('of a registry that is recognised by its answers alone is made after its list was read', async () => {
    world.vendor.isShy = true
    world.release(150)
    await world.create()
    expect(world.watch).toMatchObject({ vendor: 'Quay' })
    world.push('1.0.2', 'moved')
    // as after a restart: nothing is known of it
    world.domain.remote.meet(UPSTREAM, false)
    expect(await world.poll()).toMatchObject({ asked: ['1.0.2'], lists: 1, pages: 1 })
    expect(await world.poll()).toMatchObject({ asked: [], lists: 0, pages: 1 })
  })

  it('costs one page of it while nothing moves, and every tag is a result', async () => {
    world.release(250)
    await world.create()
    const { imported, ...cost } = await world.poll()

    expect(cost).toEqual({ asked: [], lists: 0, pages: 1 })
    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 250, imported: 0, unchanged: 250, failed: 0 })
    expect(world.domain.results(imported.id)).toHaveLength(250)
    expect(world.watch).toMatchObject({ checkedBy: 'LISTING', checkedAt: world.domain.time })
  })

  it('finds one moved tag among many by a page and one HEAD, which alone makes history', async () => {
    world.release(250)
    await world.create()
    world.push('1.0.7', 'moved')
    const { imported, ...cost } = await world.poll()

    expect(cost).toEqual({ asked: ['1.0.7'], lists: 0, pages: 1 })
    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 250, imported: 1, unchanged: 249 })
    expect(world.domain.digests('1.0.7')).toEqual([digestOf('moved'), digestOf(7)])
    expect(world.domain.log()).toHaveLength(251)
  })

  it('brings in a tag that is new', async () => {
    world.release(150)
    await world.create()
    world.push('latest', 'new')
    const { imported, ...cost } = await world.poll()

    expect(cost).toEqual({ asked: ['latest'], lists: 0, pages: 1 })
    expect(imported).toMatchObject({ total: 151, imported: 1, unchanged: 150 })
    expect(world.domain.digests('latest')).toEqual([digestOf('new')])
  })

  it('stops incrementally at the page that overlaps known (name, digest, updated), as renovate’s dockerhub-cache does', async () => {
    world.release(350)
    await world.create()
    for (let at = 1; at <= 130; at++) world.push(`1.0.${at}`, `moved ${at}`)
    const { imported, ...cost } = await world.poll()

    expect(cost.pages).toBe(2)
    expect(cost.asked).toHaveLength(130)
    expect(imported).toMatchObject({ imported: 130, unchanged: 220 })
    expect((await world.poll()).pages).toBe(1)
  })

  it('stops only where the count matches, and reads on where it does not match what was told last time', async () => {
    world.release(350)
    await world.create()
    world.vendor.forget('1.0.3')
    expect(await world.poll()).toMatchObject({ asked: [], lists: 0, pages: 4 })
    expect(await world.poll()).toMatchObject({ pages: 1 })
  })

  it('reads all of a listing that is in no such order', async () => {
    world.vendor.newestFirst = false
    world.vendor.vendor = 'Amazon ECR'
    world.release(250)
    await world.create()
    world.vendor.claimInPlace('1.0.9', digestOf('moved'), null)
    world.domain.remote.push(UPSTREAM, '1.0.9', image({ seed: 'moved' }))

    expect(await world.poll()).toMatchObject({ asked: ['1.0.9'], lists: 0, pages: 3 })
    expect(await world.poll()).toMatchObject({ asked: [], pages: 3 })
  })

  it('sees a tag that was removed from the stream again, wherever the listing has it', async () => {
    world.release(250)
    await world.create()
    const { domain } = world
    domain.db.transact((tx) =>
      domain.recorder.removeTag(tx, { streamId: domain.stream().id, tag: '1.0.2' as never }),
    )
    expect(await world.poll()).toMatchObject({ asked: ['1.0.2'], lists: 0, pages: 3 })
    expect(domain.digests('1.0.2')).toEqual([digestOf(2)])
    expect(await world.poll()).toMatchObject({ asked: [], pages: 1 })
  })

  it('sees the tag of a repository again that a spec tag stood for', async () => {
    world.release(150)
    await world.create()
    const { domain } = world
    domain.remote.push('other.test/app', 'v1', image({ seed: 'other' }))
    await domain.import({ tag: '1.0.4', from: 'other.test/app:v1' })
    expect(domain.digests('1.0.4')[0]).toBe(digestOf('other'))
    world.take()
    expect(await world.poll()).toMatchObject({ imported: { unchanged: 150 } })
    domain.writer.update({
      namespace: 'default',
      name: 'ruby',
      spec: { dockerImageRepository: UPSTREAM, tags: [] },
    })
    world.take()

    expect((await world.poll()).asked).toEqual(['1.0.4'])
    expect(domain.digests('1.0.4')).toEqual([digestOf(4)])
  })

  it('leaves the tags alone that the spec takes from elsewhere', async () => {
    world.release(3)
    world.domain.remote.push('other.test/app', 'v1', image({ seed: 'other' }))
    await world.domain.create({
      spec: { dockerImageRepository: UPSTREAM, tags: [fromImage('1.0.2', 'other.test/app:v1')] },
    })
    world.take()
    world.push('1.0.2', 'moved')
    const { imported, asked } = await world.poll()

    expect(asked).toEqual(['v1'])
    expect(imported).toMatchObject({ total: 3, unchanged: 3 })
    expect(world.domain.digests('1.0.2')).toEqual([digestOf('other')])
  })

  it('tries again what could not be read, wherever the listing has it', async () => {
    world.release(150)
    world.domain.remote.fail(UPSTREAM, '1.0.1', 'RegistryUnavailable')
    await world.create()
    expect(await world.poll()).toMatchObject({ asked: ['1.0.1'], imported: { failed: 1, unchanged: 149 } })
    world.domain.remote.fail(UPSTREAM, '1.0.1', null)
    expect(await world.poll()).toMatchObject({ asked: ['1.0.1'], imported: { imported: 1 } })
    expect(await world.poll()).toMatchObject({ asked: [], imported: { unchanged: 150 } })
  })

  it('says of a manifest that cannot be used what it said, without another pull', async () => {
    world.release(3)
    world.domain.remote.fail(UPSTREAM, '1.0.1', 'InvalidManifest')
    await world.create()
    await world.poll()
    const { imported, asked } = await world.poll()

    expect(asked).toEqual([])
    expect(imported).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', total: 3, unchanged: 2, failed: 1 })
    expect(world.domain.results(imported.id).filter(({ state }) => state === 'FAILED')).toMatchObject([
      { tag: '1.0.1', reason: 'InvalidManifest' },
    ])
  })

  it('gives a tag back to the repository that somebody pushed over', async () => {
    world.release(150)
    await world.create()
    const { domain } = world
    const { id: streamId, namespace, name: streamName } = domain.stream()
    const imageId = domain.tag('1.0.9')?.image?.id ?? 0
    domain.db.transact((tx) =>
      domain.recorder.recordTagEvent(
        tx,
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
    expect(await world.poll()).toMatchObject({ asked: ['1.0.2'], imported: { imported: 1, unchanged: 149 } })
    expect(domain.digests('1.0.2')).toEqual([digestOf(2), digestOf(9), digestOf(2)])
  })

  it('with a limit of tags takes the names from the registry, and what moved from the listing', async () => {
    await using limited = new VendorWorld({ maximumTags: 5 })
    limited.release(20)
    await limited.create()
    limited.push('1.0.1', 'beyond the limit')
    limited.push('1.0.20', 'moved')
    const { imported, ...cost } = await limited.poll()

    expect(cost).toEqual({ asked: ['1.0.20'], lists: 1, pages: 1 })
    expect(imported).toMatchObject({ total: 5, imported: 1, unchanged: 4 })
    expect(imported.additionalTags).toHaveLength(15)
  })

  it('of another mode for once is a full sweep, and so is the next one', async () => {
    world.release(5)
    await world.create()
    expect((await world.poll({ importMode: 'PreserveOriginal' })).asked).toHaveLength(5)
    expect((await world.poll()).asked).toHaveLength(5)
    expect((await world.poll()).asked).toHaveLength(0)
  })

  it('that is a dry run asks the registry itself', async () => {
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

  it('that is stale changes nothing, and takes nothing back of what the registry confirmed', async () => {
    world.domain.remote.push(UPSTREAM, '1.0.150', image({ seed: 'unheard of' }))
    expect(await world.poll()).toMatchObject({ asked: [], imported: { imported: 0, unchanged: 150 } })

    // somebody asks for the tag alone, and the listing still tells what it was
    await world.domain.import({ tag: '1.0.150' })
    world.take()
    const log = world.domain.log()
    for (const asked of [['1.0.150'], [], []]) {
      expect(await world.poll()).toMatchObject({ asked, imported: { imported: 0, unchanged: 150 } })
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
      asked: ['1.0.150'],
      imported: { imported: 0, unchanged: 150 },
    })
    expect(await world.poll()).toMatchObject({ asked: [], pages: 1 })
    expect(await world.poll()).toMatchObject({ asked: [], pages: 1 })
    expect(world.domain.digests('1.0.150')[0]).toBe(digestOf('moved'))
    expect(world.domain.log()).toHaveLength(log)
  })

  it('that flaps between what is and what was costs no HEAD each time', async () => {
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
      expect((await world.poll()).asked).toEqual([])
    }
  })

  it('that the registry did not confirm is asked again for an hour, for it may be ahead', async () => {
    world.vendor.claim('1.0.3', digestOf('soon'), world.domain.time)
    expect((await world.poll()).asked).toEqual(['1.0.3'])
    expect((await world.poll()).asked).toEqual(['1.0.3'])
    world.domain.remote.push(UPSTREAM, '1.0.3', image({ seed: 'soon' }))
    expect((await world.poll()).imported).toMatchObject({ imported: 1 })
    expect((await world.poll()).asked).toEqual([])
  })

  it('of a tag that the registry does not have is asked for an hour, and then no more', async () => {
    world.vendor.claim('phantom', digestOf('phantom'), world.domain.time)
    const asked: string[][] = []
    for (let poll = 0; poll < 7; poll++) asked.push((await world.poll()).asked)

    expect(asked.flat()).toEqual(['phantom', 'phantom', 'phantom', 'phantom'])
    expect(world.domain.tag('phantom')).toBeUndefined()
  })

  it('with a null digest (rejected: it claims nothing) is no news of its own, and one of a new time is checked once', async () => {
    world.vendor.claimInPlace('1.0.149', null, null)
    expect((await world.poll()).asked).toEqual([])
    const long = world.domain.time - 5 * HOUR
    world.vendor.claim('1.0.149', null, long)
    expect((await world.poll()).asked).toEqual(['1.0.149'])
    expect((await world.poll()).asked).toEqual([])
    world.vendor.claim('1.0.149', null, long + HOUR)
    expect((await world.poll()).asked).toEqual(['1.0.149'])
  })

  it('that could not be checked is news the next time too', async () => {
    world.push('1.0.5', 'moved')
    world.domain.remote.fail(UPSTREAM, '1.0.5', 'RegistryUnavailable')
    expect(await world.poll()).toMatchObject({ asked: ['1.0.5'], imported: { failed: 1 } })
    world.domain.remote.fail(UPSTREAM, '1.0.5', null)
    expect(await world.poll()).toMatchObject({ asked: ['1.0.5'], imported: { imported: 1 } })
  })
})

describe('a listing that cannot be relied on', () => {
  beforeEach(async () => {
    world.release(150)
    await world.create()
  })

  it.each(['Forbidden', 'Unauthorized', 'NotFound', 'OddShape', 'TooLong', 'Unavailable'])(
    'for %s: the plain protocol at once, remembered for 24 h, and a condition says so',
    async (reason) => {
      world.vendor.fail(reason)
      const { imported, asked, lists } = await world.poll()

      expect([imported.state, asked.length, lists]).toEqual(['SUCCEEDED', 150, 1])
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
      // the registry itself told all meanwhile: it goes on where it was
      expect(await world.poll()).toMatchObject({ asked: [], lists: 0, pages: 1 })
      expect(world.watch).toMatchObject({ reason: null, setAsideUntil: null, failingSince: null })
    },
  )

  it('for TooManyRequests is left alone for an hour, which a condition says: nothing is wrong with it', async () => {
    world.vendor.fail('TooManyRequests')
    await world.poll()
    expect(world.watch).toMatchObject({ reason: 'TooManyRequests', setAsideUntil: world.domain.time + HOUR })
    world.vendor.failure = null
    world.domain.time += HOUR - 15 * MINUTE
    expect(await world.poll()).toMatchObject({ asked: [], lists: 0 })
  })

  it('is asked for again by who asks for a full sweep, for what was wrong may be put right', async () => {
    world.vendor.fail('Forbidden')
    await world.poll()
    expect(await world.poll({ fullSweep: true })).toMatchObject({ lists: 1 })
    expect(world.watch).toMatchObject({ reason: 'Forbidden', setAsideUntil: world.domain.time + DAY })

    world.vendor.failure = null
    expect(await world.poll({ fullSweep: true })).toMatchObject({ lists: 1, pages: 1 })
    expect(world.watch).toMatchObject({ reason: null, setAsideUntil: null })
    expect(await world.poll()).toMatchObject({ asked: [], lists: 0, pages: 1 })
  })

  it('that fails again says since when', async () => {
    world.vendor.fail('Forbidden')
    await world.poll()
    const since = world.domain.time
    world.domain.time += DAY
    await world.poll()
    expect(world.watch).toMatchObject({ failingSince: since, setAsideUntil: world.domain.time + DAY })
  })

  it('for it is empty (hexpm/bob#282), loses nothing and changes nothing', async () => {
    world.vendor.claim('x', null, null)
    for (let at = 1; at <= 150; at++) world.vendor.forget(`1.0.${at}`)
    world.vendor.forget('x')
    const { imported, asked } = await world.poll()

    expect(imported).toMatchObject({ state: 'SUCCEEDED', unchanged: 150 })
    expect(asked).toHaveLength(150)
    expect(world.watch).toMatchObject({
      reason: 'OddShape',
      message: 'the listing of Quay cannot be right: it is empty, and 150 tags are known',
    })
  })

  it('for it tells of hardly any tags, loses nothing', async () => {
    for (let at = 1; at <= 100; at++) world.vendor.forget(`1.0.${at}`)
    const { imported } = await world.poll()

    expect(imported).toMatchObject({ state: 'SUCCEEDED', unchanged: 150 })
    expect(world.watch).toMatchObject({ reason: 'OddShape' })
    expect(world.domain.tagNames()).toHaveLength(150)
  })

  it('for something in it is not understood, is an internal error and no end of watching', async () => {
    world.vendor.failure = new TypeError('cannot read') as never
    const { imported, asked } = await world.poll()

    expect([imported.state, asked.length]).toEqual(['SUCCEEDED', 150])
    expect(world.domain.internalErrors).toHaveLength(1)
    expect(world.watch).toMatchObject({ reason: 'InternalError' })
    world.domain.internalErrors.length = 0
  })
})

describe('a listing that shows anonymous readers no more than some pages (harbor#23819, dotCMS#37027)', () => {
  beforeEach(async () => {
    world.vendor.vendor = 'Docker Hub'
    world.vendor.shownPages = 2
    world.release(500)
    await world.create()
  })

  it('is enough while what changed fits in', async () => {
    world.push('1.0.3', 'moved')
    expect(await world.poll()).toMatchObject({ asked: ['1.0.3'], lists: 0, pages: 1 })
  })

  it('gives way to the registry where it does not', async () => {
    for (let at = 1; at <= 220; at++) world.push(`1.0.${at}`, `moved ${at}`)
    const { imported, asked, lists, pages } = await world.poll()

    expect([imported.imported, asked.length, lists, pages]).toEqual([220, 500, 1, 2])
    expect(world.watch).toMatchObject({ checkedBy: 'FULL_SWEEP', reason: null })
    expect(await world.poll()).toMatchObject({ asked: [], lists: 0, pages: 1 })
  })

  it('has the name set from the registry where the count does not match', async () => {
    world.vendor.forget('1.0.2')
    world.domain.remote.untag(UPSTREAM, '1.0.2')
    const { asked, lists, pages } = await world.poll()

    expect([asked, lists, pages]).toEqual([['1.0.2'], 1, 2])
    expect(world.watch).toMatchObject({ checkedBy: 'LISTING' })
    expect(await world.poll()).toMatchObject({ asked: [], lists: 0, pages: 1 })
  })
})
