import { describe, expect, it } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { OCI_MANIFEST } from '../../../src/oci/media-types.ts'
import type { TagName } from '../../../src/oci/tag.ts'
import { storeRunningWorkload } from '../../fixtures/kubernetes/running-workload.ts'
import { image, index, layer } from '../../fixtures/random-image.ts'
import {
  beforeTransactions,
  type CollectWorld,
  type CollectWorldOptions,
  DAY,
  HOUR,
  openCollectWorld,
  planOf,
  referrer,
} from './world.ts'

const app = (seed: string) => image({ seed, layers: [layer(seed)] })

/** A registry that removes manifests a week after they lost their tag, and keeps the newest two images of a tag. */
const open = (options: CollectWorldOptions = {}): Promise<CollectWorld> =>
  openCollectWorld({ policy: { untaggedAfter: 7 * DAY, keepTagRevisions: 2 }, ...options })

const reasonsIn = async (world: CollectWorld): Promise<Record<string, object>> => {
  const { kept } = await planOf(world.collector)
  return Object.fromEntries(kept.items.map(({ digest, kept }) => [digest, kept]))
}

describe('the collection of untagged manifests', () => {
  it('keeps the image that a tag points to, for any age', async () => {
    await using world = await open()
    const tagged = app('tagged')
    await world.push('web', tagged, 'v1')
    world.pass(365 * DAY)

    expect(await reasonsIn(world)).toEqual({ [tagged.digest]: { reason: 'TAGGED', tag: 'v1' } })
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 0, blobs: 0 })
    expect(await world.status('web/manifests/v1')).toBe(200)
  })

  it('keeps what a workload of a cluster ran when the cluster could last be reached', async () => {
    await using world = await open()
    const [running, tagged] = [app('running'), app('tagged')]
    await world.push('web', running, 'v1')
    await world.push('web', app('second'), 'v1')
    await world.push('web', tagged, 'v1')
    storeRunningWorkload(world.domain.db, running.digest)
    world.pass(365 * DAY)

    expect((await reasonsIn(world))[running.digest]).toEqual({ reason: 'RUNNING' })
    await world.collector.collect(SYSTEM)
    expect(await world.status(`web/manifests/${running.digest}`)).toBe(200)
  })

  it('keeps an image of this repository that a tag of another stream imported from it', async () => {
    await using world = await open()
    const [base, other] = [app('base'), app('other')]
    await world.push('web', base, 'v1')
    const { stream } = world.domain.writer.create(SYSTEM, { namespace: 'default', name: 'shop', spec: {} })
    moveTag(world, 'base', base.digest, { stream, source: 'IMPORT' })
    await world.push('web', other, 'v1')
    await world.push('web', app('third'), 'v1')
    world.pass(365 * DAY)

    const { kept } = await planOf(world.collector)
    expect(kept.items.filter(({ digest }) => digest === base.digest)).toMatchObject([
      { repository: { name: 'web' }, kept: { reason: 'TAGGED_ELSEWHERE', tag: 'default/shop:base' } },
      { repository: { name: 'shop' }, kept: { reason: 'TAGGED', tag: 'base' } },
    ])
    await world.collector.collect(SYSTEM)
    expect(await world.status(`web/manifests/${base.digest}`)).toBe(200)
  })

  it('keeps a promoted image in the repository of the stream that has the tag, and no longer in that of its source', async () => {
    await using world = await open()
    const base = app('base')
    await world.push('web', base, 'v1')
    const from = { kind: 'ImageStreamTag', name: 'web:v1' } as const
    world.domain.writer.create(SYSTEM, {
      ...{ namespace: 'default', name: 'shop', spec: { tags: [{ name: 'base', from, reference: true }] } },
    })
    await world.push('web', app('other'), 'v1')
    await world.push('web', app('third'), 'v1')
    world.pass(365 * DAY)

    await world.collector.collect(SYSTEM)
    expect(await world.status(`web/manifests/${base.digest}`)).toBe(404)
    expect(await world.status('shop/manifests/base')).toBe(200)
    expect(await world.status(`shop/blobs/${base.config.digest}`)).toBe(200)

    world.domain.tagRemoval.remove(SYSTEM, { namespace: 'default', imageStream: 'shop', tag: 'base' })
    world.pass(365 * DAY)
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 1, blobs: 2 })
    expect(await world.status(`shop/manifests/${base.digest}`)).toBe(404)
  })

  it('does not keep an image of `b/c` because a tag of `a/b/c` points to the same image', async () => {
    await using world = await open({ policy: { untaggedAfter: 0, keepTagRevisions: 2 } })
    const shared = app('shared')
    await world.push('b/c', shared)
    await world.push('a/b/c', shared, 'v1')
    world.pass(8 * DAY)

    await world.collector.collect(SYSTEM)
    expect(await world.status(`b/c/manifests/${shared.digest}`)).toBe(404)
    expect(await world.status(`a/b/c/manifests/${shared.digest}`)).toBe(200)
  })

  it("keeps the newest images of a tag's history, and removes earlier ones with their blobs", async () => {
    await using world = await open()
    const [first, second, third] = [app('1'), app('2'), app('3')]
    for (const each of [first, second, third]) await world.push('web', each, 'latest')
    world.pass(8 * DAY)

    expect(await reasonsIn(world)).toEqual({
      [third.digest]: { reason: 'TAGGED', tag: 'latest' },
      [second.digest]: { reason: 'IN_HISTORY', tag: 'latest' },
    })
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 1, blobs: 2, message: null })

    expect(await world.status(`web/manifests/${first.digest}`)).toBe(404)
    expect(await world.status(`web/blobs/${first.config.digest}`)).toBe(404)
    expect(await world.status(`web/manifests/${second.digest}`)).toBe(200)
    // the history of the stream still has the entry
    expect(world.domain.digests('latest', 'web')).toHaveLength(3)
  })

  it("keeps an image that was added to a tag's history after the history was read", async () => {
    await using world = await open({ policy: { untaggedAfter: 0, keepTagRevisions: 2 } })
    const [first, second, third] = [app('1'), app('2'), app('3')]
    for (const each of [first, second, third]) await world.push('web', each, 'latest')
    world.pass(8 * DAY)
    let transactions = 0
    const collector = world.collectorOf({
      db: beforeTransactions(world.domain.db, () => {
        // the first two transactions start the collection; before the third one it has read the history
        if (++transactions !== 3) return
        moveTag(world, 'latest', first.digest)
        moveTag(world, 'latest', third.digest)
      }),
    })

    await collector.collect(SYSTEM)

    expect(transactions).toBeGreaterThan(3)
    expect(world.domain.digests('latest', 'web').slice(0, 2)).toEqual([third.digest, first.digest])
    expect(await world.status(`web/manifests/${first.digest}`)).toBe(200)
    expect(await world.status(`web/manifests/${third.digest}`)).toBe(200)
  })

  it('keeps the children of a kept index to any depth, and removes them with it', async () => {
    await using world = await open()
    const [amd, arm] = [app('amd'), app('arm')]
    const inner = index([amd, arm])
    const outer = index([inner])
    await world.push('web', outer, 'multi')
    world.pass(8 * DAY)

    expect(await reasonsIn(world)).toEqual({
      [outer.digest]: { reason: 'TAGGED', tag: 'multi' },
      [inner.digest]: { reason: 'CHILD', of: outer.digest },
      [amd.digest]: { reason: 'CHILD', of: inner.digest },
      [arm.digest]: { reason: 'CHILD', of: inner.digest },
    })
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 0 })

    await world.delete('/v2/web/manifests/multi')
    // as long as untagged manifests are kept, the tag can be restored with its content
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 0 })
    world.pass(8 * DAY)
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 4 })
    expect((await world.contents()).manifests).toEqual([])
  })

  it('keeps a child of a tagged index only in that repository', async () => {
    await using world = await open()
    const child = app('child')
    await world.push('web', index([child]), 'multi')
    await world.push('other', child)
    world.pass(8 * DAY)

    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 1, blobs: 0 })
    expect(await world.status(`other/manifests/${child.digest}`)).toBe(404)
    expect(await world.status(`web/manifests/${child.digest}`)).toBe(200)
  })

  it('keeps referrers of a kept manifest, and their referrers', async () => {
    await using world = await open()
    const tagged = app('tagged')
    const signature = referrer(tagged)
    const timestamp = referrer(signature)
    const orphan = referrer(app('never pushed'))
    for (const each of [signature, timestamp, orphan]) await world.push('web', each)
    await world.push('web', tagged, 'v1')
    world.pass(8 * DAY)

    expect(await reasonsIn(world)).toEqual({
      [tagged.digest]: { reason: 'TAGGED', tag: 'v1' },
      [signature.digest]: { reason: 'REFERRER', of: tagged.digest },
      [timestamp.digest]: { reason: 'REFERRER', of: signature.digest },
    })
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 1 })
    expect(await world.status(`web/manifests/${orphan.digest}`)).toBe(404)
    expect(await world.status(`web/manifests/${timestamp.digest}`)).toBe(200)
  })

  it('follows a chain of referrers that is longer than the stack', async () => {
    await using world = await open()
    const tagged = app('tagged')
    await world.push('web', tagged, 'v1')
    const chain = linkChain(world, tagged.digest, 12_000)
    world.pass(8 * DAY)

    expect((await planOf(world.collector, { limit: 1 })).reasons).toMatchObject({
      TAGGED: 1,
      REFERRER: chain,
    })
    await world.delete('/v2/web/manifests/v1')
    world.pass(8 * DAY)
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: chain + 1 })
  })

  it('keeps untagged manifests for their time, which each pull extends', async () => {
    await using world = await open()
    const untagged = app('untagged')
    await world.push('web', untagged)
    world.pass(7 * DAY - HOUR)
    expect(await reasonsIn(world)).toEqual({ [untagged.digest]: { reason: 'YOUNG' } })
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 0 })

    expect(await world.status(`web/manifests/${untagged.digest}`)).toBe(200)
    world.pass(7 * DAY - HOUR)
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 0 })
    world.pass(2 * HOUR)
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 1, blobs: 2 })
  })

  it('keeps content that was confirmed within the lease, for any policy', async () => {
    await using world = await open({ policy: { untaggedAfter: 0 } })
    const untagged = app('untagged')
    await world.push('web', untagged)
    world.pass(DAY)

    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 0 })
    world.pass(1)
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 1 })
  })

  it('keeps everything if the policy keeps untagged manifests', async () => {
    await using world = await open({ policy: { untaggedAfter: null } })
    const untagged = app('untagged')
    await world.push('web', untagged)
    world.pass(365 * DAY)

    expect(await reasonsIn(world)).toEqual({ [untagged.digest]: { reason: 'UNTAGGED_KEPT' } })
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ manifests: 0, blobs: 0 })
  })
})

/** Moves a tag without a request to the registry, by default one of `web`, like `tagImage`. */
function moveTag(
  { domain }: CollectWorld,
  tag: string,
  digest: string,
  { stream = domain.stream('web'), source = 'TAG' as 'TAG' | 'IMPORT' } = {},
): void {
  const { db, recorder } = domain
  const image = db.prepare<{ id: number }>('select id from images where digest = ?').get(digest)
  const { id: streamId, namespace, name: streamName } = stream
  db.transact((tx) =>
    recorder.recordTagEvent(
      tx,
      SYSTEM,
      { streamId, namespace, streamName, tag: tag as TagName },
      {
        imageId: image?.id ?? 0,
        dockerImageReference: `registry.test/default/web@${digest}`,
        generation: 1,
        source,
        upstreamDigest: null,
        at: domain.time,
      },
    ),
  )
}

/** Inserts manifests without content, each a referrer of the one before. Returns their number. */
function linkChain({ domain }: CollectWorld, subject: Digest, count: number): number {
  const { db, time } = domain
  const addImage = db.prepare(
    `insert into images (digest, media_type, docker_image_reference, manifest) values (?, '${OCI_MANIFEST}', '', x'')`,
  )
  const link = db.prepare(
    `insert into repository_manifests (repository_id, digest, image_id, subject, insecure, pushed_at, confirmed_at)
     values ((select id from repositories), ?, ?, ?, 0, ?, ?)`,
  )
  db.transact(() => {
    let below = subject
    for (let at = 0; at < count; at++) {
      const digest = digestOf(`${at} about ${below}`)
      link.run(digest, addImage.insert(digest), below, time, time)
      below = digest
    }
  })
  return count
}
