import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { createReportedMoves, KEPT_MOVES } from '../../src/imagestream/watch/reported-moves.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { ReportedMove } from '../../src/oci/vendor-listing.ts'
import { image, index } from '../fixtures/random-image.ts'
import { ALL, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { HOUR, MINUTE, VendorWorld } from './vendor-world.ts'

let world: VendorWorld
/** Time of the stream's first import. */
let began: number
beforeEach(async () => {
  world = new VendorWorld()
  world.release(3)
  await world.create()
  began = world.domain.time
})
afterEach(() => world[Symbol.asyncDispose]())

const digestOf = (seed: string | number): Digest => image({ seed }).digest

const move = (tag: string, seed: string | number, from: number, until: number | null): ReportedMove => ({
  tag: tagName(tag),
  digest: digestOf(seed),
  from,
  until,
})

const stored = (tag: string) => {
  const found = world.domain.tag(tag)
  return found ? world.domain.reportedMoves.ofTags([found.id], ALL) : []
}

describe('a move that a vendor reports', () => {
  it('between two imports is stored as reported, not as history and not as a push (Quay’s end_ts)', async () => {
    world.vendor.moves = [
      move('1.0.3', 'new', began + 5 * MINUTE, null),
      move('1.0.3', 'short', began + 2 * MINUTE, began + 5 * MINUTE),
      move('1.0.3', 3, began - HOUR, began + 2 * MINUTE),
    ]
    world.push('1.0.3', 'new')
    await world.poll()

    expect(stored('1.0.3')).toMatchObject([
      { digest: digestOf('short'), fromAt: began + 2 * MINUTE, untilAt: began + 5 * MINUTE, vendor: 'Quay' },
    ])
    expect(world.domain.digests('1.0.3')).toEqual([digestOf('new'), digestOf(3)])
    expect(world.domain.log().map(({ tag }) => tag)).toEqual(['1.0.3', '1.0.2', '1.0.1', '1.0.3'])
  })

  it('is stored once, however often it is reported', async () => {
    world.vendor.moves = [move('1.0.3', 'short', began + MINUTE, began + 2 * MINUTE)]
    await world.poll()
    await world.poll()
    await world.poll({ fullScan: true })
    expect(stored('1.0.3')).toHaveLength(1)
  })

  it('is compared with one parse of each manifest, up to the number that is kept', () => {
    const { db, images } = world.domain
    const stream = world.domain.stream()
    const parsed: string[] = []
    const moves = createReportedMoves(db, {
      storedManifest(digest) {
        parsed.push(digest)
        return images.storedManifest(digest)
      },
    })
    const madeUp = (seeds: number) =>
      Array.from({ length: 10_000 }, (_, at) =>
        move('1.0.3', `made up ${at % seeds}`, began + 1 + at, began + 2 + at),
      )

    db.transact((tx) => moves.store(tx, stream.id, 'Quay', madeUp(1)))
    expect(parsed).toHaveLength(1)
    db.transact((tx) => moves.store(tx, stream.id, 'Quay', madeUp(10_000)))
    expect(parsed).toHaveLength(1 + KEPT_MOVES)
    expect(stored('1.0.3').map(({ fromAt }) => fromAt)[0]).toBe(began + 10_000)
  })

  it('before the first event of the tag is not stored', async () => {
    world.vendor.moves = [
      move('1.0.3', 'ancient', began - HOUR, began - MINUTE),
      move('unknown', 'short', began + MINUTE, began + 2 * MINUTE),
    ]
    await world.poll()
    expect(world.domain.dump().reported_moves).toEqual([])
  })

  it('is not stored if it equals an event', async () => {
    world.push('1.0.3', 'seen')
    await world.poll()
    const seenAt = world.domain.time
    world.push('1.0.3', 'after')
    world.vendor.moves = [
      move('1.0.3', 'after', seenAt + MINUTE, null),
      move('1.0.3', 'seen', seenAt - 10 * MINUTE, seenAt + MINUTE),
    ]
    await world.poll()
    expect(stored('1.0.3')).toEqual([])
  })

  it('is not stored for an index of which one platform’s image was imported', async () => {
    const whole = index([image({ seed: 'amd64' })])
    world.domain.remote.push(UPSTREAM, '1.0.3', whole)
    world.vendor.claim('1.0.3', whole.digest, world.domain.time)
    await world.poll()
    const seenAt = world.domain.time
    world.push('1.0.3', 'after')
    world.vendor.moves = [
      { tag: tagName('1.0.3'), digest: whole.digest, from: seenAt - 10 * MINUTE, until: seenAt + MINUTE },
    ]
    await world.poll()
    expect(stored('1.0.3')).toEqual([])
  })

  it('back to an earlier image is stored', async () => {
    world.vendor.moves = [
      move('1.0.3', 3, began + 4 * MINUTE, began + 6 * MINUTE),
      move('1.0.3', 'short', began + 2 * MINUTE, began + 4 * MINUTE),
    ]
    world.push('1.0.3', 'new')
    await world.poll()
    expect(stored('1.0.3').map(({ digest }) => digest)).toEqual([digestOf(3), digestOf('short')])
  })

  it('is deleted beyond the newest that a tag keeps', async () => {
    world.vendor.moves = Array.from({ length: KEPT_MOVES + 20 }, (_, at) =>
      move('1.0.3', `short ${at}`, began + (at + 2) * MINUTE, began + (at + 3) * MINUTE),
    )
    world.domain.time += 4 * HOUR
    await world.poll()

    expect(stored('1.0.3')).toHaveLength(KEPT_MOVES)
    expect(stored('1.0.3')[0]?.digest).toBe(digestOf(`short ${KEPT_MOVES + 19}`))
    const tagId = world.domain.tag('1.0.3')?.id ?? 0
    expect(world.domain.reportedMoves.countOfTags([tagId])).toEqual(new Map([[tagId, KEPT_MOVES]]))
  })

  it('stays with the history of a removed tag', async () => {
    world.vendor.moves = [move('1.0.3', 'short', began + MINUTE, began + 2 * MINUTE)]
    await world.poll()
    world.domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: 'ruby' })
    expect(world.domain.dump()).toMatchObject({ tag_claims: [], import_listings: [] })
    expect(world.domain.dump().reported_moves).toHaveLength(1)
  })
})
