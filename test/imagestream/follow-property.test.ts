import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { REGISTRY_HOST, tagName } from '../fixtures/domain.ts'
import { type Image, image } from '../fixtures/random-image.ts'
import { FollowModel, type Key, keyOf, type Source } from './follow-model.ts'
import { FollowWorld, following, namesOf } from './follow-world.ts'

const STREAMS = ['a', 'b', 'c']
const TAGS = ['1', '2', '3', '4']
const KEYS = STREAMS.flatMap((stream) => TAGS.map((tag) => keyOf(stream, tag)))
const IMAGES: readonly Image[] = [0, 1, 2].map((n) => image({ seed: n }))

type Tagging = { readonly do: 'copy' | 'alias' | 'reference'; readonly at: Key; readonly of: Key }
type Step =
  | { readonly do: 'push'; readonly at: Key; readonly image: number }
  | { readonly do: 'import'; readonly at: Key; readonly image: number }
  | Tagging
  | { readonly do: 'fail'; readonly at: Key }
  | { readonly do: 'untag'; readonly at: Key }
  | { readonly do: 'delete'; readonly stream: string }
  | { readonly do: 'specify'; readonly stream: string; readonly tags: readonly (readonly [string, Key])[] }

const key = fc.constantFrom(...KEYS)
const seed = fc.nat(IMAGES.length - 1)
const stream = fc.constantFrom(...STREAMS)
const are = <Do extends string>(what: Do) => fc.constant(what)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: are('push'), at: key, image: seed }) },
  { weight: 3, arbitrary: fc.record({ do: are('import'), at: key, image: seed }) },
  { weight: 3, arbitrary: fc.record({ do: are('alias'), at: key, of: key }) },
  { weight: 2, arbitrary: fc.record({ do: are('copy'), at: key, of: key }) },
  { weight: 1, arbitrary: fc.record({ do: are('reference'), at: key, of: key }) },
  { weight: 1, arbitrary: fc.record({ do: are('fail'), at: key }) },
  { weight: 1, arbitrary: fc.record({ do: are('untag'), at: key }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: are('specify'),
      stream,
      tags: fc.uniqueArray(fc.tuple(fc.constantFrom(...TAGS), key), { selector: ([tag]) => tag }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: are('delete'), stream }) },
)

const imageOf = (at: number): Image => IMAGES[at] as Image
const registryReference = (at: Key, content: number): string =>
  `${REGISTRY_HOST}/default/${namesOf(at).name}@${imageOf(content).digest}`
const upstreamReference = ({ digest }: Image): string => `upstream.test/team/app@${digest}`

/** The step in the real thing. Returns the code of the error that it was refused with. */
function act(world: FollowWorld, step: Step): string | undefined {
  try {
    perform(world, step)
    return undefined
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(error.code)
    throw error
  }
}

function perform(world: FollowWorld, step: Step): void {
  if (step.do === 'push') world.push(imageOf(step.image), step.at)
  else if (step.do === 'import') importLike(world, step.at, imageOf(step.image))
  else if (step.do === 'copy') world.retag(step.at, step.of)
  else if (step.do === 'alias') world.retag(step.at, step.of, { alias: true })
  else if (step.do === 'reference') world.retag(step.at, step.of, { reference: true })
  else if (step.do === 'fail') failLike(world, step.at)
  else if (step.do === 'untag') world.untag(step.at)
  else if (step.do === 'delete') world.writer.delete({ namespace: 'default', name: step.stream })
  else if (step.do === 'specify') {
    const tags = step.tags.map(([tag, of]) => following(tag, of))
    if (world.streams.byName('default', step.stream)) world.specify(step.stream, tags)
    else world.createWith(step.stream, tags)
  }
}

/** As an import writes what it found; the registry itself is not what this is about. */
function importLike(world: FollowWorld, at: Key, content: Image): void {
  const imageId = world.images.byDigest(content.digest)?.id
  const found = addressOf(world, at)
  if (imageId === undefined || !found) return
  const { address, generation } = found
  world.db.transact((tx) =>
    world.recorder.recordTagEvent(tx, address, {
      imageId,
      dockerImageReference: upstreamReference(content),
      generation,
      source: 'IMPORT',
      upstreamDigest: null,
      at: world.time,
    }),
  )
}

function failLike(world: FollowWorld, at: Key): void {
  const found = addressOf(world, at)
  if (!found) return
  const { address, generation } = found
  const failure = { reason: 'NotFound', message: 'gone', generation, at: world.time } as const
  world.db.transact((tx) => world.recorder.recordImportFailure(tx, address, failure))
}

function addressOf(world: FollowWorld, at: Key) {
  const { namespace, name, tag } = namesOf(at)
  const stream = world.streams.byName(namespace, name)
  if (!stream) return undefined
  const generation = world.streams.generations(stream.id, tagName(tag))?.specTag ?? stream.generation
  return { address: { streamId: stream.id, namespace, streamName: name, tag: tagName(tag) }, generation }
}

/** The same step in the model. Returns the code of the error that it must be refused with. */
function predict(model: FollowModel, step: Step): string | undefined {
  if (step.do === 'push') model.record(step.at, step.image, registryReference(step.at, step.image))
  else if (step.do === 'import') {
    const { name } = namesOf(step.at)
    const isThere = model.streams.has(name)
    if (isThere) model.record(step.at, step.image, upstreamReference(imageOf(step.image)))
  } else if (step.do === 'fail') {
    if (model.streams.has(namesOf(step.at).name)) model.fail(step.at)
  } else if (step.do === 'untag') return model.remove(step.at) ? undefined : 'NOT_FOUND'
  else if (step.do === 'delete') return model.delete(step.stream) ? undefined : 'NOT_FOUND'
  else if (step.do === 'specify') {
    const tags = step.tags.map(([tag, of]) => [tag, { kind: 'follow', of } as Source] as const)
    return model.specify(step.stream, new Map(tags)) ? undefined : 'INVALID'
  } else return predictTag(model, step)
  return undefined
}

function predictTag(model: FollowModel, { do: how, at, of }: Tagging): string | undefined {
  const now = model.now(of)
  if (how === 'copy' && !now) return 'NOT_FOUND'
  const source: Source =
    how === 'copy' && now
      ? { kind: 'pin', stream: namesOf(of).name, image: now.image }
      : { kind: how === 'alias' ? 'follow' : 'reference', of }
  const { name, tag } = namesOf(at)
  const tags = new Map<string, Source>(model.streams.get(name)?.spec).set(tag, source)
  if (!model.specify(name, tags)) return 'INVALID'
  model.takeOver(at)
  return undefined
}

function check(world: FollowWorld, model: FollowModel): void {
  for (const one of KEYS) {
    const { name, tag } = namesOf(one)
    const stream = model.streams.get(name)
    const expected = stream?.history.get(tag) ?? []
    expect(world.meant(one)).toEqual(expected.map((event) => imageOf(event.image).digest))
    expect(world.eventsOf(one).map((event) => [event.dockerImageReference, event.generation])).toEqual(
      expected.map(({ reference, generation }) => [reference, generation]),
    )
    if (stream) {
      expect(world.condition(tag, name)?.generation).toBe(stream.failing.get(tag))
      expect(world.stream(name).generation).toBe(stream.generation)
    }
  }
}

/** The tags as somebody knows them who has only the push log, and what he reads of each. */
function checkLog(world: FollowWorld, model: FollowModel): void {
  const known = world.images.byIds(IMAGES.flatMap(({ digest }) => world.images.byDigest(digest)?.id ?? []))
  const pushes = world.log().map((push) => ({
    key: keyOf(push.imageStreamName, push.tag),
    digest: known.get(push.imageId)?.digest,
  }))
  for (const one of KEYS) {
    const read = pushes.filter((push) => push.key === one).map(({ digest }) => digest)
    const expected = model.log.filter((push) => push.key === one).map((push) => imageOf(push.image).digest)
    expect(read).toEqual(expected)
    if (!model.removed.has(one)) expect(world.meant(one)[0]).toBe(read.at(-1))
  }
}

/** Follows every chain of the stored specs to its end. */
function longestChain(world: FollowWorld): number {
  const rows = world.db
    .prepare<{ key: Key; source: Key | null }>(
      `select s.name || ':' || p.name as key, p.follows_stream || ':' || p.follows_tag as source
       from spec_tags p join image_streams s on s.id = p.stream_id`,
    )
    .all()
  const sources = new Map(rows.map((row) => [row.key, row.source]))
  const length = (from: Key): number => {
    let steps = 0
    for (let at = sources.get(from); at && steps <= KEYS.length; at = sources.get(at)) steps++
    return steps
  }
  return Math.max(0, ...KEYS.map(length))
}

describe('tags that follow, whatever is done to them', () => {
  it('have the histories, conditions and pushes of the rules, in streams whose versions tell', async () => {
    let longest = 0
    let refused = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 50, size: 'max' }), async (steps) => {
        await using world = new FollowWorld()
        const model = new FollowModel()
        for (const content of IMAGES) world.push(content, 'store:all')
        const offset = world.log().length

        for (const one of steps) {
          world.time += 1000
          const versions = STREAMS.map((name) => world.version(name))
          const pictures = STREAMS.map((name) => model.picture(name))

          const code = predict(model, one)
          const before = code && world.dump()
          expect(act(world, one)).toBe(code)

          check(world, model)
          if (code) expect(world.dump()).toEqual(before)
          for (const [index, name] of STREAMS.entries()) {
            const wasThere = versions[index] !== 0
            if (!wasThere || !model.streams.has(name)) continue
            const isChanged = model.picture(name) !== pictures[index]
            expect([name, world.version(name) > (versions[index] ?? 0)]).toEqual([name, isChanged])
          }
          const chain = longestChain(world)
          expect(chain).toBeLessThan(KEYS.length)
          longest = Math.max(longest, chain)
          if (code === 'INVALID') refused++
        }
        expect(world.log().length - offset).toBe(model.log.length)
        checkLog(world, model)
      }),
      { numRuns: 60 },
    )
    // what was drawn was worth looking at
    expect(longest).toBeGreaterThan(3)
    expect(refused).toBeGreaterThan(10)
  })
})
