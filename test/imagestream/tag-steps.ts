import fc from 'fast-check'
import { expect } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { SpecTagInput } from '../../src/imagestream/spec/spec.ts'
import { readPolicy } from '../../src/policy/policy.ts'
import type { Image } from '../fixtures/random-image.ts'
import { REGISTRY_HOST, tagName } from '../fixtures/test-domain.ts'
import { type FollowModel, type Key, keyOf, type Source } from './follow-model.ts'
import { type FollowWorld, following, namesOf } from './follow-world.ts'

// Steps on tags, in the domain and in the model, and the comparison of both.

/** The source of a tag in a spec that is written as a whole. */
export type Wanted = Extract<Source, { kind: 'follow' | 'reference' | 'rule' | 'none' }>

type Tagging = { readonly do: 'copy' | 'alias' | 'reference'; readonly at: Key; readonly of: Key }
export type Step =
  | { readonly do: 'push'; readonly at: Key; readonly image: number }
  | { readonly do: 'import'; readonly at: Key; readonly image: number }
  | Tagging
  | { readonly do: 'fail'; readonly at: Key }
  | { readonly do: 'untag'; readonly at: Key }
  | { readonly do: 'unpush'; readonly at: Key }
  | { readonly do: 'delete'; readonly stream: string }
  | { readonly do: 'specify'; readonly stream: string; readonly tags: readonly (readonly [string, Wanted])[] }

/** Names and images for steps. */
export interface Stage {
  readonly streams: readonly string[]
  readonly tags: readonly string[]
  readonly images: readonly Image[]
}

export const keysOf = ({ streams, tags }: Stage): Key[] =>
  streams.flatMap((stream) => tags.map((tag) => keyOf(stream, tag)))

export function stepsOn(stage: Stage, wanted: fc.Arbitrary<Wanted>): fc.Arbitrary<Step> {
  const key = fc.constantFrom(...keysOf(stage))
  const image = fc.nat(stage.images.length - 1)
  const stream = fc.constantFrom(...stage.streams)
  const are = <Do extends string>(what: Do) => fc.constant(what)
  const tags = fc.uniqueArray(fc.tuple(fc.constantFrom(...stage.tags), wanted), { selector: ([tag]) => tag })
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: are('push'), at: key, image }) },
    { weight: 3, arbitrary: fc.record({ do: are('import'), at: key, image }) },
    { weight: 3, arbitrary: fc.record({ do: are('alias'), at: key, of: key }) },
    { weight: 2, arbitrary: fc.record({ do: are('copy'), at: key, of: key }) },
    { weight: 1, arbitrary: fc.record({ do: are('reference'), at: key, of: key }) },
    { weight: 1, arbitrary: fc.record({ do: are('fail'), at: key }) },
    { weight: 1, arbitrary: fc.record({ do: are('untag'), at: key }) },
    { weight: 1, arbitrary: fc.record({ do: are('unpush'), at: key }) },
    { weight: 2, arbitrary: fc.record({ do: are('specify'), stream, tags }) },
    { weight: 1, arbitrary: fc.record({ do: are('delete'), stream }) },
  )
}

/** Plays steps in the domain and in the model, and compares the two. */
export class Rehearsal {
  readonly world: FollowWorld
  readonly model: FollowModel
  readonly #stage: Stage
  readonly #offset: number

  /** Stores the stage's images, in a separate stream. */
  constructor(stage: Stage, world: FollowWorld, model: FollowModel) {
    this.world = world
    this.model = model
    this.#stage = stage
    for (const content of stage.images) world.push(content, 'store:all')
    this.#offset = world.log().length
  }

  /**
   * Plays one step, a second after the one before, and checks that both have the same state, that a refused step changes
   * nothing, and that the version of a stream is new exactly when the stream changed. Returns the code of the step's error.
   */
  play(step: Step): string | undefined {
    const { world, model } = this
    const { streams } = this.#stage
    world.time += 1000
    const versions = streams.map((name) => world.version(name))
    const pictures = streams.map((name) => model.picture(name))

    const code = this.#predict(step)
    const before = code && world.dump()
    expect(this.#act(step)).toBe(code)

    this.#check()
    if (code) expect(world.dump()).toEqual(before)
    for (const [index, name] of streams.entries()) {
      const wasThere = versions[index] !== 0
      if (!wasThere || !model.streams.has(name)) continue
      const isChanged = model.picture(name) !== pictures[index]
      expect([name, world.version(name) > (versions[index] ?? 0)]).toEqual([name, isChanged])
    }
    return code
  }

  /** Plays the step in the domain. Returns the code of its error. */
  #act(step: Step): string | undefined {
    try {
      this.#perform(step)
      return undefined
    } catch (error) {
      if (error instanceof Error && 'code' in error) return String(error.code)
      throw error
    }
  }

  #perform(step: Step): void {
    const { world } = this
    if (step.do === 'push') world.push(this.#image(step.image), step.at)
    else if (step.do === 'import') this.#importLike(step.at, this.#image(step.image))
    else if (step.do === 'copy') world.retag(step.at, step.of)
    else if (step.do === 'alias') world.retag(step.at, step.of, { alias: true })
    else if (step.do === 'reference') world.retag(step.at, step.of, { reference: true })
    else if (step.do === 'fail') this.#failLike(step.at)
    else if (step.do === 'untag') world.untag(step.at)
    else if (step.do === 'unpush') this.#unpush(step.at)
    else if (step.do === 'delete')
      world.streamRemoval.delete(SYSTEM, { namespace: 'default', name: step.stream })
    else if (step.do === 'specify') {
      const tags = step.tags.map(([tag, wanted]) => specTag(tag, wanted))
      if (world.streams.byName(SYSTEM, 'default', step.stream)) world.specify(step.stream, tags)
      else world.createWith(step.stream, tags)
    }
  }

  /** Records the result of an import, without a registry. */
  #importLike(at: Key, content: Image): void {
    const { world } = this
    const imageId = world.images.byDigest(SYSTEM, content.digest)?.id
    const found = this.#addressOf(at)
    if (imageId === undefined || !found) return
    const { address, generation } = found
    world.db.transact((tx) =>
      world.recorder.recordTagEvent(tx, SYSTEM, address, {
        imageId,
        dockerImageReference: upstreamReference(content),
        generation,
        source: 'IMPORT',
        upstreamDigest: null,
        at: world.time,
      }),
    )
  }

  #failLike(at: Key): void {
    const { world } = this
    const found = this.#addressOf(at)
    if (!found) return
    const { address, generation } = found
    const failure = { reason: 'NotFound', message: 'gone', generation, at: world.time } as const
    world.db.transact((tx) => world.recorder.recordImportFailure(tx, address, failure))
  }

  /** Deletes a tag as the integrated registry does. */
  #unpush(at: Key): void {
    const { world } = this
    const found = this.#addressOf(at)
    if (!found) return
    const { streamId, tag } = found.address
    world.db.transact((tx) => world.receiver.removeTags(tx, SYSTEM, streamId, [tag]))
  }

  #addressOf(at: Key) {
    const { namespace, name, tag } = namesOf(at)
    const stream = this.world.streams.byName(SYSTEM, namespace, name)
    if (!stream) return undefined
    const generation = this.world.streams.generations(stream.id, tagName(tag))?.specTag ?? stream.generation
    return { address: { streamId: stream.id, namespace, streamName: name, tag: tagName(tag) }, generation }
  }

  /** Plays the step in the model. Returns the code of the expected error. */
  #predict(step: Step): string | undefined {
    const { model } = this
    if (step.do === 'push') model.record(step.at, step.image, this.#registryReference(step.at, step.image))
    else if (step.do === 'import') {
      const reference = upstreamReference(this.#image(step.image))
      if (model.streams.has(namesOf(step.at).name)) model.record(step.at, step.image, reference)
    } else if (step.do === 'fail') {
      if (model.streams.has(namesOf(step.at).name)) model.fail(step.at)
    } else if (step.do === 'unpush') model.remove(step.at)
    else if (step.do === 'untag') return model.remove(step.at) ? undefined : 'NOT_FOUND'
    else if (step.do === 'delete') return model.delete(step.stream) ? undefined : 'NOT_FOUND'
    else if (step.do === 'specify') {
      return model.specify(step.stream, new Map<string, Source>(step.tags)) ? undefined : 'INVALID'
    } else return this.#predictTag(step)
    return undefined
  }

  #predictTag({ do: how, at, of }: Tagging): string | undefined {
    const { model } = this
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

  /** Both have the same histories, conditions and generations. */
  #check(): void {
    const { world, model } = this
    for (const one of keysOf(this.#stage)) {
      const { name, tag } = namesOf(one)
      const stream = model.streams.get(name)
      const isRemoved = stream?.removed.has(tag) && !stream.failing.has(tag)
      const expected = isRemoved ? [] : (stream?.history.get(tag) ?? [])
      expect([one, world.digestsOf(one)]).toEqual([
        one,
        expected.map((event) => this.#image(event.image).digest),
      ])
      expect(world.eventsOf(one).map((event) => [event.dockerImageReference, event.generation])).toEqual(
        expected.map(({ reference, generation }) => [reference, generation]),
      )
      if (stream) {
        expect(world.condition(tag, name)?.generation).toBe(stream.failing.get(tag))
        expect(world.stream(name).generation).toBe(stream.generation)
      }
    }
  }

  /** The tags as computed from the change log alone, with the row of each. */
  checkLog(): void {
    const { world, model } = this
    const digests = this.#stage.images.map(({ digest }) => digest)
    const known = world.images.byIds(
      [...world.images.byDigests(SYSTEM, digests).values()].map(({ id }) => id),
    )
    const pushes = world.log().map((push) => ({
      key: keyOf(push.imageStreamName, push.tag),
      digest: known.get(push.imageId)?.digest,
    }))
    for (const one of keysOf(this.#stage)) {
      const read = pushes.filter((push) => push.key === one).map(({ digest }) => digest)
      const expected = model.log
        .filter((push) => push.key === one)
        .map((push) => this.#image(push.image).digest)
      expect(read).toEqual(expected)
      if (!model.removed.has(one)) expect(world.digestsOf(one)[0]).toBe(read.at(-1))
    }
    expect(world.log().length - this.#offset).toBe(model.log.length)
  }

  #image(at: number): Image {
    return this.#stage.images[at] as Image
  }

  #registryReference(at: Key, content: number): string {
    return `${REGISTRY_HOST}/default/${namesOf(at).name}@${this.#image(content).digest}`
  }
}

function specTag(tag: string, wanted: Wanted): SpecTagInput {
  if (wanted.kind === 'none') return { name: tag, reference: false }
  if (wanted.kind === 'rule') return { name: tag, reference: false, policy: readPolicy(wanted.rule) }
  return following(tag, wanted.of, { reference: wanted.kind === 'reference' })
}

const upstreamReference = ({ digest }: Image): string => `upstream.test/team/app@${digest}`
