import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { RollBackTagInput } from '../../src/imagestream/commands/roll-back.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

const builds = [1, 2, 3].map((seed) => image({ seed }))
const [first, second, third] = builds.map(({ digest }) => digest)
const HOUR = 3_600_000

let domain: TestDomain
let began: number
beforeEach(async () => {
  domain = new TestDomain()
  began = domain.time
  domain.remote.push(UPSTREAM, '3', image({ seed: 1 }))
  await domain.create()
  for (const build of builds.slice(1)) {
    domain.time += HOUR
    domain.remote.push(UPSTREAM, '3', build)
    await domain.import()
  }
  domain.time += HOUR
})
afterEach(() => domain[Symbol.asyncDispose]())

const rollBack = (input: Partial<RollBackTagInput>) =>
  domain.rollBackTag(SYSTEM, { namespace: 'default', imageStream: 'ruby', tag: '3', ...input })
const specTag = (tag = '3') => domain.streams.specTags([domain.stream().id]).find(({ name }) => name === tag)

describe('a rolled-back tag', () => {
  it('points to the old image again, as a new entry of its history and a push', () => {
    const pushes = domain.log().length

    const { event, previous, tag } = rollBack({ digest: first })

    expect(domain.digests('3')).toEqual([first, third, second, first])
    expect(event).toMatchObject({
      createdAt: domain.time,
      dockerImageReference: `${UPSTREAM}@${first}`,
      generation: domain.stream().generation,
    })
    expect(previous?.createdAt).toBe(began + 2 * HOUR)
    expect(tag.image?.digest).toBe(first)
    expect(domain.log().slice(pushes)).toMatchObject([
      { source: 'TAG', tag: '3', dockerImageReference: `${UPSTREAM}@${first}` },
    ])
  })

  it.each([
    [0, 0],
    [HOUR - 1, 0],
    [HOUR, 1],
    [1.5 * HOUR, 1],
  ])('points to the image of a time: %i ms after the beginning', (after, expected) => {
    rollBack({ at: began + after })

    expect(domain.digests('3')[0]).toBe(builds[expected]?.digest)
  })

  it('stays there: the spec has the image, and the next import does not move the tag', async () => {
    rollBack({ digest: second })

    expect(specTag()).toMatchObject({ fromKind: 'ImageStreamImage', fromName: `ruby@${second}` })
    await domain.import()
    expect(domain.digests('3')).toEqual([second, third, second, first])
    expect(domain.internalErrors).toEqual([])
  })

  it('stays there although it had an imported source, and keeps the reference policy', async () => {
    domain.remote.push(UPSTREAM, 'own', image({ seed: 1 }))
    const referencePolicy = { type: 'Local' as const }
    domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { tags: [fromImage('mine', `${UPSTREAM}:own`, { referencePolicy })] },
    })
    await domain.import({ tag: 'mine' })
    domain.remote.push(UPSTREAM, 'own', image({ seed: 2 }))
    await domain.import({ tag: 'mine' })

    rollBack({ tag: 'mine', digest: first })
    await domain.import()

    expect(domain.digests('mine')).toEqual([first, second, first])
    expect(specTag('mine')).toMatchObject({ fromKind: 'ImageStreamImage', referencePolicy: 'Local' })
  })

  it('moves the tags that follow it', () => {
    const follow = (tag: string, name: string) =>
      domain.tagging.tagImage(SYSTEM, {
        namespace: 'default',
        imageStream: 'ruby',
        tag,
        from: { kind: 'ImageStreamTag', name },
        alias: true,
        reference: false,
        scheduled: false,
        insecure: false,
      })
    follow('stable', 'ruby:3')
    follow('live', 'ruby:stable')

    rollBack({ digest: first })

    expect([domain.digests('stable'), domain.digests('live')]).toEqual([
      [first, third],
      [first, third],
    ])
  })

  it('no longer follows another tag', async () => {
    domain.tagging.tagImage(SYSTEM, {
      namespace: 'default',
      imageStream: 'ruby',
      tag: 'stable',
      from: { kind: 'ImageStreamTag', name: 'ruby:3' },
      alias: true,
      reference: false,
      scheduled: false,
      insecure: false,
    })
    domain.remote.push(UPSTREAM, '3', image({ seed: 4 }))
    await domain.import()

    rollBack({ tag: 'stable', digest: third })
    domain.remote.push(UPSTREAM, '3', image({ seed: 5 }))
    await domain.import()

    expect(domain.digests('stable')[0]).toBe(third)
  })

  it('can be rolled forward and back again in the same way', () => {
    rollBack({ digest: first })
    domain.time += HOUR
    const { previous } = rollBack({ digest: third })
    domain.time += HOUR
    rollBack({ at: previous?.createdAt ?? 0 })

    expect(domain.digests('3')).toEqual([first, third, first, third, second, first])
  })
})

const step = fc.oneof(
  fc.record({ do: fc.constant('import' as const), seed: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('by digest' as const), seed: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('by time' as const), back: fc.nat(8) }),
)

describe('a history after any imports and roll-backs', () => {
  it('only grows, keeps rolled-back tags in place, and has the same image for a time forever', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        await using domain = new TestDomain()
        const start = domain.time
        domain.remote.push(UPSTREAM, '3', image({ seed: 1 }))
        await domain.create()
        /** Expected history of the tag, oldest first. */
        const entries = [{ time: start, seed: 1 }]
        const seedAt = (time: number) => entries.findLast((entry) => entry.time <= time)?.seed
        let pinned = false

        for (const one of steps) {
          domain.time += HOUR
          const rollBack = (where: Partial<RollBackTagInput>) =>
            domain.rollBackTag(SYSTEM, { namespace: 'default', imageStream: 'ruby', tag: '3', ...where })
          let seed: number | undefined
          if (one.do === 'import') {
            domain.remote.push(UPSTREAM, '3', image({ seed: one.seed }))
            await domain.import()
            if (!pinned) seed = one.seed
          } else if (one.do === 'by digest') {
            const { digest } = image({ seed: one.seed })
            if (entries.some((entry) => entry.seed === one.seed)) {
              rollBack({ digest })
              seed = one.seed
            } else expect(() => rollBack({ digest })).toThrow(/never pointed to/)
          } else {
            const time = domain.time - one.back * HOUR
            seed = seedAt(time)
            if (seed === undefined) expect(() => rollBack({ at: time })).toThrow(/had no image at/)
            else rollBack({ at: time })
          }
          if (one.do !== 'import' && seed !== undefined) pinned = true
          if (seed !== undefined && seed !== entries.at(-1)?.seed) entries.push({ time: domain.time, seed })
        }

        expect(domain.digests('3').reverse()).toEqual(entries.map(({ seed }) => image({ seed }).digest))
        expect(domain.log().map(({ dockerImageReference }) => dockerImageReference)).toEqual(
          entries.map(({ seed }) => `${UPSTREAM}@${image({ seed }).digest}`),
        )
        for (let time = start - HOUR; time <= domain.time; time += HOUR) {
          const id = domain.tag('3')?.id ?? 0
          const event = domain.lookBack.eventsAt([id], time).get(id)
          const found = event && domain.images.byIds([event.imageId]).get(event.imageId)?.digest
          const seed = seedAt(time)
          expect(found).toBe(seed === undefined ? undefined : image({ seed }).digest)
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('a roll-back to the current image', () => {
  it('adds no entry, and pins the tag', async () => {
    const pushes = domain.log().length

    const { previous, event } = rollBack({ digest: third })
    const again = rollBack({ at: domain.time })

    expect([previous, again.previous]).toEqual([null, null])
    expect(again.event).toEqual(event)
    expect(domain.digests('3')).toEqual([third, second, first])
    expect(domain.log()).toHaveLength(pushes)
    domain.remote.push(UPSTREAM, '3', image({ seed: 4 }))
    await domain.import()
    expect(domain.digests('3')[0]).toBe(third)
  })
})

describe('a roll-back is refused without changes', () => {
  const digest = second
  const stranger = image({ seed: 'stranger' }).digest

  it.each<[string, Partial<RollBackTagInput>, object]>([
    ['without a place to go back to', {}, { code: 'INVALID', field: 'to' }],
    ['with two of them', { digest, at: 5 }, { code: 'INVALID', field: 'to' }],
    ['to an image that it never pointed to', { digest: stranger }, { code: 'INVALID', field: 'digest' }],
    ['to a time before its first image', { at: 5 }, { code: 'INVALID', field: 'at' }],
    ['for a stream that is not there', { digest, imageStream: 'none' }, { code: 'NOT_FOUND' }],
    ['for a tag that is not there', { digest, tag: 'none' }, { code: 'NOT_FOUND' }],
    ['for an old version of the stream', { digest, resourceVersion: '1' }, { code: 'CONFLICT' }],
    ['for what is no tag', { digest, tag: '-' }, { code: 'INVALID', field: 'tag' }],
    ['for what is no stream', { digest, imageStream: 'No' }, { code: 'INVALID', field: 'imageStream' }],
    ['for what is no namespace', { digest, namespace: 'No' }, { code: 'INVALID', field: 'namespace' }],
  ])('%s', (_when, input, error) => {
    const before = domain.dump()

    expect(() => rollBack(input)).toThrow(expect.objectContaining(error))

    expect(domain.dump()).toEqual(before)
  })

  it('for an image that only another tag had, with the history of the tag in the message', async () => {
    domain.remote.push(UPSTREAM, 'other', image({ seed: 9 }))
    await domain.import()

    expect(() => rollBack({ digest: image({ seed: 9 }).digest })).toThrow(
      `its history has ${third} since 2026-01-01T02:00:00.000Z, ${second} since 2026-01-01T01:00:00.000Z, ${first} since`,
    )
  })

  it('and accepted for the newest version', () => {
    rollBack({ digest, resourceVersion: String(domain.stream().resourceVersion) })

    expect(domain.digests('3')[0]).toBe(second)
  })
})
