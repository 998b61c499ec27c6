import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import { createPruner } from '../../../src/collect/images/prune.ts'
import type { ImageStream } from '../../../src/imagestream/spec/spec.ts'
import { InvalidInputError, NotFoundError } from '../../../src/input/errors.ts'
import { type Image, type Index, image, index, layer } from '../../fixtures/random-image.ts'
import { ALL } from '../../fixtures/test-domain.ts'
import { type CollectWorld, DAY, HOUR, openCollectWorld } from './world.ts'

const STREAMS = ['a/x', 'b/y', 'c/z'] as const
const TAGS = ['v1', 'prod'] as const
const single = (seed: string): Image => image({ seed, layers: [layer('base'), layer(seed)] })
// the first three are deleted by digest, and so are not children of indexes
const SINGLE = [single('1'), single('2'), single('3')]
const CHILDREN = [single('child 1'), single('child 2')]
const INDEXES = [index(CHILDREN), index([CHILDREN[0] as Image])]
const CONTENTS: readonly (Image | Index)[] = [...SINGLE, ...INDEXES, index([INDEXES[0] as Index])]
const contentAt = (at: number): Image | Index => CONTENTS[at] as Image | Index
const contentOf = new Map<string, Image | Index>(
  [...CONTENTS, ...CHILDREN].map((content) => [content.digest, content]),
)

const stream = fc.constantFrom(...STREAMS)
const tag = fc.constantFrom(...TAGS)
const stepOf = <Kind extends string, Fields extends object>(
  weight: number,
  kind: Kind,
  fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> },
) => ({
  weight,
  arbitrary: fc.record({ kind: fc.constant(kind), ...fields }) as fc.Arbitrary<{ kind: Kind } & Fields>,
})
const step = fc.oneof(
  stepOf(5, 'push', { stream, tag, content: fc.nat({ max: CONTENTS.length - 1 }) }),
  stepOf(6, 'promote', { stream, tag, from: stream, fromTag: tag, alias: fc.boolean() }),
  stepOf(1, 'rollBack', { stream, tag }),
  stepOf(1, 'untag', { stream, tag }),
  stepOf(1, 'deleteTag', { stream, tag }),
  stepOf(1, 'deleteManifest', { stream, content: fc.nat({ max: 2 }) }),
  stepOf(1, 'deleteStream', { stream }),
  stepOf(2, 'pass', { time: fc.constantFrom(HOUR, DAY, 10 * DAY) }),
  stepOf(3, 'collect', {}),
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

const nameOf = (text: string) => {
  const [namespace = '', name = ''] = text.split('/')
  return { namespace, name }
}

const OPTIONS = { reference: false, scheduled: false, insecure: false }

/** A registry with promotions between its streams. */
class PromotionWalk {
  readonly #world: CollectWorld
  /** `namespace/name digest`: deleted by digest since they came, so that histories may name what is gone. */
  readonly #deleted = new Set<string>()

  constructor(world: CollectWorld) {
    this.#world = world
  }

  stream(name: string): ImageStream | undefined {
    const { namespace, name: streamName } = nameOf(name)
    return this.#world.domain.streams.byName(SYSTEM, namespace, streamName)
  }

  tags(name: string) {
    const stream = this.stream(name)
    const { tags } = this.#world.domain
    return stream ? tags.ofStreams([stream.id], { order: 'NAME', page: ALL }) : []
  }

  async walk(one: Step): Promise<void> {
    try {
      await this.#run(one)
    } catch (error) {
      // what does not exist, and what would follow itself
      if (!(error instanceof NotFoundError || error instanceof InvalidInputError)) throw error
    }
  }

  async #run(step: Step): Promise<void> {
    const { domain, ...world } = this.#world
    const { namespace, name: imageStream } = nameOf('stream' in step ? step.stream : '')
    switch (step.kind) {
      case 'push':
        return void (await world.push(step.stream, contentAt(step.content), step.tag))
      case 'promote': {
        const { namespace: fromNamespace, name } = nameOf(step.from)
        const from = {
          kind: 'ImageStreamTag',
          name: `${name}:${step.fromTag}`,
          namespace: fromNamespace,
        } as const
        domain.tagging.tagImage(SYSTEM, {
          namespace,
          imageStream,
          tag: step.tag,
          from,
          alias: step.alias,
          ...OPTIONS,
        })
        return
      }
      case 'rollBack': {
        const found = this.tags(step.stream).find(({ name }) => name === step.tag)
        const before = found && domain.tags.events([found.id], ALL)[1]
        const digest = before && domain.images.byIds([before.imageId]).get(before.imageId)?.digest
        if (!digest || this.#deleted.has(`${step.stream} ${digest}`)) return
        domain.rollBackTag(SYSTEM, { namespace, imageStream, tag: step.tag, digest })
        return
      }
      case 'untag':
        return void domain.tagRemoval.remove(SYSTEM, { namespace, imageStream, tag: step.tag })
      case 'deleteTag':
        return void (await world.delete(`/v2/${step.stream}/manifests/${step.tag}`))
      case 'deleteManifest':
        await world.delete(`/v2/${step.stream}/manifests/${contentAt(step.content).digest}`)
        return void this.#deleted.add(`${step.stream} ${contentAt(step.content).digest}`)
      case 'deleteStream':
        return void domain.streamRemoval.delete(SYSTEM, { namespace, name: imageStream })
      case 'pass':
        return world.pass(step.time)
      case 'collect':
        expect((await world.collector.collect(SYSTEM)).message).toBeNull()
    }
  }

  /** Requires that each tag with an image is pulled whole under the name of its own stream, and that its pull spec names it. */
  async check(): Promise<void> {
    for (const name of STREAMS) {
      for (const { name: tag, image, dockerImageReference } of this.tags(name)) {
        if (!image) continue
        const digest = this.#world.domain.images.byIds([image.id]).get(image.id)?.digest ?? ''
        expect(dockerImageReference).toBe(`registry.test/${name}@${digest}`)
        await this.#requireWhole(name, tag, contentOf.get(digest) as Image | Index)
      }
    }
  }

  async #requireWhole(name: string, reference: string, content: Image | Index): Promise<void> {
    const found = async (path: string) => [path, await this.#world.status(`${name}/${path}`)]
    expect(await found(`manifests/${reference}`)).toEqual([`manifests/${reference}`, 200])
    if (content.kind === 'index') {
      for (const child of content.manifests)
        await this.#requireWhole(name, child.digest, contentOf.get(child.digest) as Image | Index)
    } else {
      for (const { digest } of [content.config, ...content.layers]) {
        expect(await found(`blobs/${digest}`)).toEqual([`blobs/${digest}`, 200])
      }
    }
  }
}

describe('a registry with promotions between streams', () => {
  it('serves every tag under the name of its stream after any steps, and keeps nothing that no stream needs', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25, size: 'max' }),
        fc.constantFrom(0, 7 * DAY),
        async (steps, untaggedAfter) => {
          await using world = await openCollectWorld({ policy: { untaggedAfter, keepTagRevisions: 2 } })
          const walk = new PromotionWalk(world)
          for (const one of steps) {
            await walk.walk(one)
            await walk.check()
          }
          for (const name of STREAMS) await walk.walk({ kind: 'deleteStream', stream: name })
          world.pass(30 * DAY)
          // a deleted stream keeps its content until it is pruned
          await using pruner = createPruner({ ...world.domain, now: () => world.domain.time })
          await pruner.prune(SYSTEM)
          await world.collector.collect(SYSTEM)
          expect(await world.contents()).toMatchObject({ files: [], blobs: [], links: [], manifests: [] })
        },
      ),
      { numRuns: 25 },
    )
  }, 120_000)
})
