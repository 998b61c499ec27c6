import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Image, type Index, image, index } from '../../fixtures/random-image.ts'
import { MINUTE, PruneWorld, planOf, pruneOf } from './world.ts'

const STREAMS = ['shop/web', 'shop/api', 'bank/web'] as const
const TAGS = ['latest', '3.3'] as const
// two manifests with the same config each, indexes with common children, and an index of indexes
const SINGLE = [1, 2, 3, 4].flatMap((seed) => [image({ seed }), image({ seed, docker: true })])
const at = (number: number): Image => SINGLE[number] as Image
const SOME = index([at(0), at(2)])
const MORE = index([at(2), at(4)])
const CONTENTS: readonly (Image | Index)[] = [...SINGLE, SOME, MORE, index([SOME, at(6)])]
const contentOf = new Map<string, Image | Index>(CONTENTS.map((content) => [content.digest, content]))
const childrenOf = (digest: string): string[] => {
  const content = contentOf.get(digest)
  return content?.kind === 'index' ? content.manifests.map((child) => child.digest) : []
}

interface Entry {
  readonly image: string
  readonly at: number
}

interface Policy {
  readonly keepTagRevisions: number
  readonly keepYoungerThanMinutes: number
  readonly all?: boolean
  readonly namespace?: string | undefined
}

/** A model of the database; images by digest. */
class Model {
  time: number
  images = new Map<string, { readonly storedAt: number; isPushed?: boolean }>()
  /** Newest first, by `namespace/name tag`. */
  histories = new Map<string, Entry[]>()
  /** When each removed tag was removed. */
  removed = new Map<string, number>()
  log: { readonly images: readonly (string | undefined)[]; readonly at: number }[] = []
  /** `namespace/name digest`. */
  links = new Set<string>()

  constructor(time: number) {
    this.time = time
  }

  store({ digest }: Image | Index): void {
    for (const child of childrenOf(digest)) this.store(contentOf.get(child) as Image)
    if (!this.images.has(digest)) this.images.set(digest, { storedAt: this.time })
  }

  push({ digest }: Image | Index): void {
    for (const child of childrenOf(digest)) this.push(contentOf.get(child) as Image)
    const stored = this.images.get(digest)
    if (stored) stored.isPushed = true
  }

  record(name: string, content: Image | Index): void {
    this.store(content)
    const history = this.histories.get(name) ?? []
    const before = this.removed.has(name) ? undefined : history[0]?.image
    if (before === content.digest) return
    this.removed.delete(name)
    this.histories.set(name, [{ image: content.digest, at: this.time }, ...history])
    this.log.push({ images: [content.digest, before], at: this.time })
  }

  removeTag(name: string): void {
    if (this.histories.has(name) && !this.removed.has(name)) this.removed.set(name, this.time)
  }

  prune({ keepTagRevisions, keepYoungerThanMinutes, all = true, namespace }: Policy) {
    const oldUntil = this.time - keepYoungerThanMinutes * MINUTE
    const before = this.images.size
    const lost = new Set<string>()
    let events = 0
    for (const [name, history] of this.histories) {
      const stream = name.split(' ')[0] ?? ''
      if (namespace && !stream.startsWith(`${namespace}/`)) continue
      const isOld = (this.removed.get(name) ?? Number.POSITIVE_INFINITY) <= oldUntil
      const kept = history.filter((entry, rank) => (!isOld && rank < keepTagRevisions) || entry.at > oldUntil)
      for (const { image } of history)
        if (!kept.some((entry) => entry.image === image)) lost.add(`${stream} ${image}`)
      events += history.length - kept.length
      this.histories.set(name, kept)
      if (kept.length > 0) continue
      this.histories.delete(name)
      this.removed.delete(name)
    }
    const named = (stream: string, digest: string): boolean =>
      [...this.histories].some(
        ([name, history]) => name.startsWith(`${stream} `) && history.some(({ image }) => image === digest),
      )
    const repositoryManifests = [...lost].filter((link) => {
      const [stream = '', digest = ''] = link.split(' ')
      return this.links.has(link) && !named(stream, digest)
    }).length

    if (namespace) return { events, images: 0, repositoryManifests }
    const stays = new Set<string | undefined>([
      ...[...this.histories.values()].flat().map(({ image }) => image),
      ...this.log.flatMap(({ images }) => images),
      ...[...this.links].map((link) => link.split(' ')[1]),
      ...[...this.images]
        .filter(([, { storedAt, isPushed }]) => storedAt > oldUntil || (!all && !isPushed))
        .map(([digest]) => digest),
    ])
    for (const digest of stays) if (digest) for (const child of childrenOf(digest)) stays.add(child)
    this.images = new Map([...this.images].filter(([digest]) => stays.has(digest)))
    return { events, images: before - this.images.size, repositoryManifests }
  }
}

const stream = fc.constantFrom(...STREAMS)
const content = fc.constantFrom(...CONTENTS)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      stream,
      tag: fc.constantFrom(...TAGS),
      content,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('store' as const, 'push' as const), content }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('link' as const, 'unlink' as const), stream, content }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('removeTag' as const), stream, tag: fc.constantFrom(...TAGS) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('trim' as const), minutes: fc.constantFrom(0, 30, 90) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), minutes: fc.constantFrom(10, 45, 200) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('prune' as const),
      keepTagRevisions: fc.integer({ min: 1, max: 3 }),
      keepYoungerThanMinutes: fc.constantFrom(0, 30, 60),
      all: fc.boolean(),
      namespace: fc.constantFrom(undefined, undefined, 'shop'),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

async function walk(world: PruneWorld, model: Model, one: Step): Promise<void> {
  switch (one.kind) {
    case 'record':
      world.record(one.stream, one.tag, one.content)
      return model.record(`${one.stream} ${one.tag}`, one.content)
    case 'store':
      world.store(one.content)
      return model.store(one.content)
    case 'push':
      world.store(one.content)
      world.push(one.content)
      model.store(one.content)
      return model.push(one.content)
    case 'link':
      world.link(one.stream, one.content)
      model.store(one.content)
      return void model.links.add(`${one.stream} ${one.content.digest}`)
    case 'unlink':
      world.unlink(one.stream, one.content)
      return void model.links.delete(`${one.stream} ${one.content.digest}`)
    case 'removeTag':
      world.removeTag(one.stream, one.tag)
      return model.removeTag(`${one.stream} ${one.tag}`)
    case 'trim':
      await world.trimLog(one.minutes)
      model.log = model.log.filter((entry) => entry.at > model.time - one.minutes * MINUTE)
      return
    case 'pass':
      await world.pass(one.minutes * MINUTE)
      model.time += one.minutes * MINUTE
      return
    case 'prune':
      return prune(world, model, one)
  }
}

async function prune(world: PruneWorld, model: Model, { namespace, ...rest }: Policy): Promise<void> {
  const policy = { ...rest, ...(namespace && { namespace }) }
  const before = world.domain.dump()
  const plan = await planOf(world.pruner, { ...policy, limit: 500 })
  expect(world.domain.dump()).toEqual(before)

  const pruned = await pruneOf(world.pruner, { ...policy, limit: 500 })

  expect(pruned).toEqual(plan)
  const { events, images, repositoryManifests, kept } = pruned
  expect({ events: events.total, images: images.total, repositoryManifests }).toEqual(model.prune(policy))
  expect(kept.total).toBe(namespace ? 0 : model.images.size)
  check(world, model)
  const after = world.domain.dump()
  expect(await pruneOf(world.pruner, policy)).toMatchObject({
    events: { total: 0 },
    images: { total: 0 },
    freedBytes: 0,
  })
  expect(world.domain.dump()).toEqual(after)
}

function check(world: PruneWorld, model: Model): void {
  expect(world.dangling()).toEqual([])
  expect(world.digests()).toEqual([...model.images.keys()].sort())
  const configs = [...model.images.keys()].flatMap((digest) => {
    const content = contentOf.get(digest)
    return content?.kind === 'image' ? [content.config.digest] : []
  })
  expect(world.configs()).toEqual([...new Set(configs)].sort())
  for (const [name, history] of model.histories) {
    const [stream = '', tag = ''] = name.split(' ')
    expect(world.history(stream, tag)).toEqual(history.map(({ image }) => image))
  }
}

/** Removes everything that keeps images: then a prune removes them all. */
async function clear(world: PruneWorld): Promise<void> {
  for (const stream of STREAMS) {
    for (const tag of TAGS) world.removeTag(stream, tag)
    for (const content of CONTENTS) world.unlink(stream, content)
  }
  await world.trimLog()
  await world.pass(MINUTE)
  await pruneOf(world.pruner, { keepYoungerThanMinutes: 0 })
  expect(world.digests()).toEqual([])
  expect(world.configs()).toEqual([])
}

describe('pruning after any history', () => {
  it('removes what the rules allow and nothing that is referred to, as planned, and nothing the second time', async () => {
    let pruned = 0
    // one database for all runs: opening one takes longer than a run
    let world = new PruneWorld()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50, size: 'max' }), async (steps) => {
        const model = new Model(world.domain.time)
        try {
          for (const one of steps) await walk(world, model, one)
          await walk(world, model, { kind: 'pass', minutes: 200 })
          await walk(world, model, { kind: 'trim', minutes: 90 })
          const before = model.images.size
          await prune(world, model, { keepTagRevisions: 1, keepYoungerThanMinutes: 60 })
          pruned += before - model.images.size
          await clear(world)
        } catch (error) {
          await world[Symbol.asyncDispose]()
          world = new PruneWorld()
          throw error
        }
      }),
      { numRuns: 40 },
    )
    await world[Symbol.asyncDispose]()
    expect(pruned).toBeGreaterThan(40)
  })
})
