import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { SpecTagInput } from '../../src/imagestream/spec/spec.ts'
import type { TagPolicyInput } from '../../src/policy/policy.ts'
import { fromImage, UPSTREAM } from '../fixtures/test-domain.ts'
import { following } from './follow-world.ts'
import { PolicyWorld, ruled } from './policy-world.ts'

let world: PolicyWorld

beforeEach(() => {
  world = new PolicyWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const SEMVER: TagPolicyInput = { order: 'SEMVER', range: '^1' }

const refused = (field: string, message: string | RegExp) =>
  expect.objectContaining({ code: 'INVALID', field, message: expect.stringMatching(message) })

const writing = (tag: SpecTagInput) => () => world.createWith('web', [tag])

describe('a spec tag with a policy', () => {
  it('has a repository without tag and digest as its source, or none', () => {
    world.createWith('web', [ruled('own', SEMVER), fromImage('other', UPSTREAM, { policy: SEMVER })])

    const { id } = world.stream('web')
    expect(world.streams.specTags([id])).toMatchObject([
      { name: 'own', policy: '{"order":"SEMVER","range":"^1"}', fromKind: null },
      { name: 'other', policy: '{"order":"SEMVER","range":"^1"}', fromName: UPSTREAM },
    ])
  })

  it.each([':1.0', ':latest', `@sha256:${'0'.repeat(64)}`])(
    'is refused with a source that names one image: %s',
    (image) => {
      expect(writing(fromImage('x', `${UPSTREAM}${image}`, { policy: SEMVER }))).toThrow(
        refused('spec.tags.0.from.name', 'leave out the tag and digest to name the repository'),
      )
    },
  )

  it.each([
    ['ImageStreamTag', 'other:x'],
    ['ImageStreamImage', `other@sha256:${'0'.repeat(64)}`],
  ] as const)('is refused with a source of kind %s', (kind, name) => {
    expect(writing(ruled('x', SEMVER, { from: { kind, name } }))).toThrow(
      refused(
        'spec.tags.0.from.kind',
        `chooses among the tags of a repository .* ${name} is one tag or image of an image stream`,
      ),
    )
  })

  it('is refused with reference: true', () => {
    expect(writing(fromImage('x', UPSTREAM, { policy: SEMVER, reference: true }))).toThrow(
      refused('spec.tags.0.reference', 'give either'),
    )
  })

  it.each<[TagPolicyInput, field: string]>([
    [{ order: 'SEMVER', range: 'not a range' }, 'range'],
    [{ order: 'NEWEST', range: '^1' }, 'range'],
    [{ order: 'SEMVER', filter: { pattern: '(' } }, 'filter.pattern'],
    [{ order: 'SEMVER', filter: { pattern: 'x', extract: '$1' } }, 'filter.extract'],
  ])('is refused with an invalid policy, naming the field: %j', (policy, field) => {
    expect(writing(ruled('x', policy))).toThrow(refused(`spec.tags.0.policy.${field}`, /./))
  })

  it('is refused as a whole: nothing is written', () => {
    world.createWith('web', [following('a', 'b')])
    const before = world.dump()

    expect(() =>
      world.specify('web', [ruled('y', SEMVER), ruled('x', { order: 'SEMVER', range: '!' })]),
    ).toThrow(refused('spec.tags.1.policy.range', /./))
    expect(world.dump()).toEqual(before)
  })

  it('is one of at most a hundred in its stream, in any number of writes', () => {
    const tags = Array.from({ length: 100 }, (_, at) => ruled(`r${at}`, SEMVER))
    world.createWith('web', tags)
    const before = world.dump()

    expect(() => world.specify('web', [...tags, ruled('more', SEMVER)])).toThrow(
      refused('spec.tags', '101 tags would have a policy: a stream can have at most 100'),
    )
    expect(world.dump()).toEqual(before)
    world.specify('web', [...tags.slice(1), ruled('more', SEMVER)])
    expect(world.streams.specTags([world.stream('web').id])).toHaveLength(100)
  })

  it('is unchanged by the same policy in another notation', () => {
    world.createWith('web', [ruled('x', SEMVER)])
    const before = world.dump()
    world.specify('web', [ruled('x', { lowest: false, filter: null, range: ' ^1 ', order: 'SEMVER' })])

    expect(world.dump()).toEqual(before)
  })

  it('over its own stream is not imported, on request or on a schedule', () => {
    const importPolicy = { insecure: false, scheduled: true, importMode: 'Legacy' } as const
    const { importId } = world.writer.create(SYSTEM, {
      namespace: 'default',
      name: 'web',
      spec: { tags: [ruled('own', SEMVER, { importPolicy })] },
    })

    expect(importId).toBeNull()
    expect(world.schedules.ofStreams([world.stream('web').id])).toEqual([])
    expect(() => world.beginImport({ imageStream: 'web' })).toThrow('names nothing to import')
  })

  it('cannot have the annotation for policies in documents', () => {
    const annotations = [
      { key: 'a', value: 'b' },
      { key: 'imagestreams/policy', value: '{"order":"SEMVER"}' },
    ]
    expect(writing({ name: 'x', reference: false, annotations })).toThrow(
      refused('spec.tags.0.annotations.1.key', 'use the field "policy"'),
    )
    expect(world.streams.byName(SYSTEM, 'default', 'web')).toBeUndefined()
  })
})
