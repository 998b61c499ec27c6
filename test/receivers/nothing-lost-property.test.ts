import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Hold } from '../fixtures/fake-registry.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage } from '../fixtures/test-domain.ts'
import { ReceiverWorld, SOURCE } from './receiver-world.ts'

const TAGS = ['v1', 'v2', 'v3'] as const
const IMAGE = image({ seed: 0 })
/** Few images, so that tags return to earlier ones. */
const IMAGES = [0, 1, 2].map((seed) => image({ seed }))

const tag = fc.constantFrom(...TAGS)
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('push' as const),
      tag,
      image: fc.nat(IMAGES.length - 1),
      // what the delivery contains: digest and tag, the tag alone, or neither
      detail: fc.constantFrom('digest', 'tag', 'repository'),
      // how often it is delivered
      times: fc.integer({ min: 1, max: 3 }),
      named: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('forge' as const), tag, image: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'settle' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'hold' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'release' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fail' as const), tag }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('heal' as const), tag }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass' as const), time: fc.integer({ min: 1, max: 900_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('import' as const), tag }) },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

class Walk {
  readonly #world: ReceiverWorld
  readonly #issued
  #held: Hold | undefined
  #named = 0

  constructor(world: ReceiverWorld) {
    this.#world = world
    this.#issued = world.create()
  }

  async take(one: Step): Promise<void> {
    const { domain } = this.#world
    if (one.do === 'push') await this.#push(one)
    else if (one.do === 'forge') {
      const { digest } = IMAGES[one.image] ?? IMAGE
      await this.#deliver({ tag: one.tag, digest }, undefined)
    } else if (one.do === 'settle') {
      this.#release()
      await this.#world.settle()
    } else if (one.do === 'hold') this.#held ??= domain.remote.hold(({ kind }) => kind !== 'config')
    else if (one.do === 'release') this.#release()
    else if (one.do === 'fail') domain.remote.fail(SOURCE, one.tag, 'RegistryUnavailable')
    else if (one.do === 'heal') domain.remote.fail(SOURCE, one.tag, null)
    else if (one.do === 'pass') domain.time += one.time
    else domain.beginImport({ imageStream: 'all', tag: one.tag })
    // works until a request waits for the held registry
    await this.#world.worker.idle()
  }

  /** Ends all failures, and waits until the open hints are handled. */
  async end(): Promise<void> {
    for (const one of TAGS) this.#world.domain.remote.fail(SOURCE, one, null)
    this.#release()
    await this.#world.settle()
    for (let times = 0; times < 20 && (await this.#world.retry()) !== undefined; times++);
  }

  async #push({ tag: pushed, image: at, detail, times, named }: Step & { do: 'push' }): Promise<void> {
    const content = IMAGES[at] ?? IMAGE
    this.#world.push(pushed, content)
    const id = named ? `delivery-${++this.#named}` : undefined
    const notification = {
      ...(detail !== 'repository' && { tag: pushed }),
      ...(detail === 'digest' && { digest: content.digest }),
    }
    for (let left = times; left > 0; left--) await this.#deliver(notification, id)
  }

  async #deliver(notification: object, id: string | undefined): Promise<void> {
    const response = await this.#world.deliver(
      this.#issued,
      this.#world.notification(this.#issued, notification, id),
    )
    expect(Math.floor((response?.status ?? 0) / 100)).toBe(2)
  }

  #release(): void {
    this.#held?.release()
    this.#held = undefined
  }
}

describe('with any pushes, deliveries, repeated and forged ones, delays and failures', () => {
  it("each tag finally points to the registry's image, and each push is reported once", async () => {
    let moves = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
        await using world = new ReceiverWorld()
        const remote = new Map<string, string>()
        const [first = IMAGE] = IMAGES
        for (const one of TAGS) world.push(one, first)
        await world.follow('all')
        await world.follow('some', { tags: TAGS.slice(1).map((one) => fromImage(one, `${SOURCE}:${one}`)) })
        const walk = new Walk(world)

        for (const one of steps) {
          await walk.take(one)
          if (one.do === 'push') remote.set(one.tag, IMAGES[one.image]?.digest ?? '')
        }
        await walk.end()

        for (const [pushed, digest] of remote) {
          expect(world.domain.digests(pushed, 'all')[0]).toBe(digest)
          if (pushed !== 'v1') expect(world.domain.digests(pushed, 'some')[0]).toBe(digest)
        }
        for (const name of ['all', 'some']) {
          for (const one of world.domain.tagNames(name)) {
            const history = world.domain.digests(one, name)
            expect(history.filter((digest, at) => digest === history[at + 1])).toEqual([])
          }
        }
        expect([...world.errors, ...world.domain.internalErrors]).toEqual([])
        moves += world.domain.log().length
      }),
      { numRuns: 40 },
    )
    expect(moves).toBeGreaterThan(300)
  })
})
