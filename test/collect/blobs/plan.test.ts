import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import type { Collector } from '../../../src/collect/blobs/collect.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { recordingReads } from '../../fixtures/database-reads.ts'
import { type Image, type Index, image, index, layer } from '../../fixtures/random-image.ts'
import { type CollectWorld, DAY, HOUR, leaveStray, openCollectWorld, planOf, referrer } from './world.ts'

type Step =
  | {
      readonly kind: 'push'
      readonly repository: string
      readonly image: number
      readonly tag: string | undefined
    }
  | {
      readonly kind: 'index'
      readonly repository: string
      readonly images: number[]
      readonly tag: string | undefined
    }
  | { readonly kind: 'sign'; readonly repository: string; readonly image: number }
  | { readonly kind: 'blob'; readonly repository: string; readonly text: string }
  | { readonly kind: 'untag'; readonly repository: string; readonly tag: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly text: string }
  | { readonly kind: 'stray'; readonly text: string }
  | { readonly kind: 'pass'; readonly hours: number }

const repository = fc.constantFrom('shop/web', 'shop/base')
const tag = fc.constantFrom('v1', 'v2')
const maybeTag = fc.option(tag, { nil: undefined })
const which = fc.nat(3)
const text = fc.constantFrom('a', 'bb', 'ccc')
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('push'), repository, image: which, tag: maybeTag }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('index'),
      repository,
      images: fc.uniqueArray(which, { minLength: 1, maxLength: 2 }),
      tag: maybeTag,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('sign'), repository, image: which }) },
  fc.record({ kind: fc.constant('blob'), repository, text }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('untag'), repository, tag }) },
  fc.record({ kind: fc.constant('upload'), repository, text }),
  fc.record({ kind: fc.constant('stray'), text }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass'), hours: fc.constantFrom(13, 25) }) },
)
const policy = fc.record({
  untaggedAfter: fc.constantFrom(null, 0, 2 * DAY),
  keepTagRevisions: fc.constantFrom(0, 1, 2),
})

const images = [0, 1, 2, 3].map((seed) => image({ seed, layers: [layer(`half ${seed % 2}`), layer('base')] }))
const imageAt = (at: number): Image => images[at] ?? image({ seed: at })
const indexOf = (list: readonly number[]): Index => index(list.map(imageAt))

async function take(world: CollectWorld, step: Step): Promise<void> {
  switch (step.kind) {
    case 'push':
      await world.push(step.repository, imageAt(step.image), step.tag)
      return
    case 'index':
      await world.push(step.repository, indexOf(step.images), step.tag)
      return
    case 'sign':
      await world.push(step.repository, referrer(imageAt(step.image)))
      return
    case 'blob':
      await world.pushBlob(step.repository, step.text)
      return
    case 'untag':
      await world.delete(`/v2/${step.repository}/manifests/${step.tag}`)
      return
    case 'upload':
      await world.send('PATCH', await world.startUpload(step.repository), { body: step.text })
      return
    case 'stray':
      await leaveStray(world.blobs, step.text)
      return
    case 'pass':
      world.pass(step.hours * HOUR)
  }
}

type Plan = Awaited<ReturnType<typeof planOf>>

const linksOf = (list: Plan['manifests']): string[] =>
  list.items.map(({ repository, digest }) => `${repository.namespace}/${repository.name} ${digest}`).sort()
const digestsOf = ({ items }: Plan['blobs']): Digest[] => items.map(({ digest }) => digest).sort()

/** Deletes all tags and lets everything expire: then a collection removes all content. */
async function clear(world: CollectWorld): Promise<void> {
  for (const name of ['shop/web', 'shop/base']) {
    for (const each of ['v1', 'v2']) await world.delete(`/v2/${name}/manifests/${each}`)
  }
  world.pass(3 * DAY)
  await world.collectorOf({ policy: { untaggedAfter: 0, keepTagRevisions: 1 } }).collect(SYSTEM)
  expect(await world.contents()).toMatchObject({ files: [], blobs: [], links: [], manifests: [] })
}

describe('the dry run', () => {
  it('reports exactly what the collection then removes, and changes nothing itself', async () => {
    // one registry for all runs: opening one takes longer than a run
    let world = await openCollectWorld()
    const check = async (steps: readonly Step[], collector: Collector): Promise<void> => {
      for (const each of steps) await take(world, each)
      const before = await world.contents()
      const rows = world.domain.dump()

      const plan = await planOf(collector, { limit: 1_000 })

      expect(await world.contents()).toEqual(before)
      expect(world.domain.dump()).toEqual(rows)
      expect(await collector.collect(SYSTEM)).toMatchObject({
        manifests: plan.manifests.total,
        blobs: plan.blobs.total + plan.strays,
        uploads: plan.uploads,
        bytes: plan.freedBytes,
        message: null,
      })
      const after = await world.contents()
      const without = (list: readonly string[], gone: readonly string[]) =>
        list.filter((each) => !gone.includes(each))
      expect(after.manifests).toEqual(without(before.manifests, linksOf(plan.manifests)))
      expect(after.manifests).toEqual(linksOf(plan.kept))
      expect(after.blobs).toEqual(without(before.blobs, digestsOf(plan.blobs)))
      expect(before.files.length - after.files.length).toBe(plan.blobs.total + plan.strays)
      expect(after.files).toEqual(after.blobs)
      expect(Object.values(plan.reasons).reduce((sum, count) => sum + count)).toBe(plan.kept.total)
      expect(await planOf(collector)).toMatchObject({ freedBytes: 0, manifests: { total: 0 } })
    }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), policy, async (steps, policy) => {
        try {
          await check(steps, world.collectorOf({ policy }))
          await clear(world)
        } catch (error) {
          await world[Symbol.asyncDispose]()
          world = await openCollectWorld()
          throw error
        }
      }),
      { numRuns: 10, endOnFailure: true },
    )
    await world[Symbol.asyncDispose]()
  })

  it('returns each list in pages that together are the whole list', async () => {
    await using world = await openCollectWorld({ policy: { untaggedAfter: 0 } })
    for (const name of ['shop/web', 'shop/base']) {
      for (const at of [0, 1, 2, 3]) await world.push(name, imageAt(at), at % 2 === 0 ? `v${at}` : undefined)
    }
    for (const each of ['a', 'b', 'c']) await world.pushBlob('shop/web', each)
    world.pass(DAY + 1)
    const whole = await planOf(world.collector)
    expect(whole).toMatchObject({ manifests: { total: 4 }, kept: { total: 4 }, blobs: { total: 6 } })

    const pages = { manifests: [] as unknown[], kept: [] as unknown[], blobs: [] as unknown[] }
    let after: NonNullable<NonNullable<Parameters<typeof planOf>[1]>['after']> = {}
    for (let turn = 0; turn < 10; turn++) {
      const plan = await planOf(world.collector, { limit: 1, after })
      expect(plan).toMatchObject({
        freedBytes: whole.freedBytes,
        manifests: { total: 4 },
        blobs: { total: 6 },
      })
      const [manifest, kept, blob] = [plan.manifests.items[0], plan.kept.items[0], plan.blobs.items[0]]
      pages.manifests.push(...plan.manifests.items)
      pages.kept.push(...plan.kept.items)
      pages.blobs.push(...plan.blobs.items)
      after = {
        ...after,
        ...(manifest && { manifests: manifest }),
        ...(kept && { kept }),
        ...(blob && { blobs: blob }),
      }
    }

    expect(pages).toEqual({
      manifests: whole.manifests.items,
      kept: whole.kept.items,
      blobs: whole.blobs.items,
    })
  })

  it('returns correct plans for concurrent requests', async () => {
    await using world = await openCollectWorld()
    for (let at = 0; at < 50; at++) await world.pushBlob('shop/web', `blob ${at}`)
    world.pass(DAY + 1)

    const plans = await Promise.all([1, 2, 3].map((limit) => planOf(world.collector, { limit })))

    expect(plans.map(({ blobs }) => [blobs.total, blobs.items.length])).toEqual([
      [50, 1],
      [50, 2],
      [50, 3],
    ])
  })

  it('reads from the cursor on for a page of manifests alone, and no blobs', async () => {
    await using world = await openCollectWorld({ policy: { untaggedAfter: 0 } })
    for (const name of ['shop/a', 'shop/b', 'shop/c']) {
      for (const at of [0, 1, 2, 3]) await world.push(name, imageAt(at))
    }
    world.pass(DAY + 1)
    const all = await world.collector.plan(SYSTEM).manifests.page({ limit: 100, peek: false })
    expect(all).toHaveLength(12)
    const recording = recordingReads(world.domain.db)
    const collector = world.collectorOf({ db: recording.db })
    const [at] = all.slice(5)
    if (!at) throw new Error('the list is too short')

    const page = await collector
      .plan(SYSTEM)
      .manifests.page({ limit: 2, peek: false, after: [at.repositoryId, at.digest] })

    expect(page).toEqual(all.slice(6, 8))
    expect(await collector.plan(SYSTEM).manifests.page({ limit: 2, peek: false, fromEnd: true })).toEqual(
      all.slice(-2),
    )
    expect(recording.reads.filter(({ text }) => text.includes('planned_unlinks p'))).toEqual([])
  })
})
