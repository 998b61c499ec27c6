import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { TagImageInput } from '../../src/imagestream/commands/tag-image.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { FollowWorld, one, two } from './follow-world.ts'

let world: FollowWorld

beforeEach(() => {
  world = new FollowWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const ONE = one.digest
const TWO = two.digest
const registry = (name: string) => ({ kind: 'DockerImage', name }) as const
const specOf = (tag: string, stream = 'app') => world.streams.specTag(world.stream(stream).id, tagName(tag))
const error = (code: string, more: object = {}) => expect.objectContaining({ code, ...more })

describe('tagging a tag', () => {
  it('copies its image: the spec has the digest, and the tag the same event', () => {
    world.push(one, 'web:1')
    const { importId } = world.retag('app:prod', 'web:1')

    expect(importId).toBeNull()
    expect(specOf('prod')).toMatchObject({
      fromKind: 'ImageStreamImage',
      fromName: `web@${ONE}`,
      fromNamespace: null,
      followsTag: null,
    })
    expect(world.eventsOf('app:prod')).toMatchObject([
      { imageId: 1, dockerImageReference: world.eventsOf('web:1')[0]?.dockerImageReference, generation: 1 },
    ])
    expect(world.log().at(-1)).toMatchObject({ source: 'TAG', imageStreamName: 'app', tag: 'prod' })
  })

  it('creates a missing stream with only this tag', () => {
    world.push(one, 'web:1')
    world.retag('app:prod', 'web:1')

    expect(world.stream('app')).toMatchObject({ generation: 1, dockerImageRepository: null })
    expect(world.streams.specTags([world.stream('app').id])).toHaveLength(1)
  })

  it('of another namespace has the namespace in the spec', () => {
    world.push(one, 'team/web:1')
    world.retag('app:prod', { kind: 'ImageStreamTag', name: 'web:1', namespace: 'team' })

    expect(specOf('prod')).toMatchObject({ fromName: `web@${ONE}`, fromNamespace: 'team' })
    expect(world.digestsOf('app:prod')).toEqual([ONE])
  })

  it('of its own stream requires no stream name', () => {
    world.push(one, 'web:1')
    world.retag('web:prod', '1')

    expect(specOf('prod', 'web')).toMatchObject({ fromName: `web@${ONE}` })
    expect(world.digestsOf('web:prod')).toEqual([ONE])
  })

  it('does not follow it', () => {
    world.push(one, 'web:1')
    world.retag('app:prod', 'web:1')
    world.push(two, 'web:1')

    expect(world.digestsOf('app:prod')).toEqual([ONE])
  })

  it('again, after it moved, is a new event of a new generation', () => {
    world.push(one, 'web:1')
    world.retag('app:prod', 'web:1')
    world.push(two, 'web:1')
    world.retag('app:prod', 'web:1')

    expect(world.eventsOf('app:prod').map(({ generation }) => generation)).toEqual([2, 1])
    expect(world.digestsOf('app:prod')).toEqual([TWO, ONE])
  })

  it('again changes nothing where the tag points to the image', () => {
    world.push(one, 'web:1')
    world.retag('app:prod', 'web:1')
    world.retag('app:stable', 'web:1', { alias: true })
    const before = world.dump()
    world.retag('app:prod', 'web:1')
    world.retag('app:stable', 'web:1', { alias: true })

    expect(world.dump()).toEqual(before)
  })

  it.each([false, true])('again restores the image after a push of another one, alias: %s', (alias) => {
    world.push(one, 'web:1')
    world.retag('app:prod', 'web:1', { alias })
    world.push(two, 'app:prod')
    world.retag('app:prod', 'web:1', { alias })

    expect(world.digestsOf('app:prod')).toEqual([ONE, TWO, ONE])
    expect(world.stream('app').generation).toBe(1)
  })

  it('moves the followers of the tag', () => {
    world.push(one, 'web:1')
    world.push(two, 'web:2')
    world.retag('app:prod', 'web:1')
    world.retag('shop:base', 'app:prod', { alias: true })
    world.retag('app:prod', 'web:2')

    expect(world.digestsOf('shop:base')).toEqual([TWO, ONE])
  })

  it('keeps annotations and reference policy, unless the input has another policy', () => {
    world.push(one, 'web:1')
    const annotations = [{ key: 'why', value: 'so' }]
    const referencePolicy = { type: 'Local' } as const
    world.createWith('app', [{ name: 'prod', reference: false, annotations, referencePolicy }])
    world.retag('app:prod', 'web:1')
    expect(specOf('prod')).toMatchObject({
      annotations: JSON.stringify(annotations),
      referencePolicy: 'Local',
    })

    world.retag('app:prod', 'web:1', { referencePolicy: 'Source' })
    expect(specOf('prod')).toMatchObject({ referencePolicy: 'Source' })
  })

  it.each([
    ['a stream that is not there', 'none:1', 'default/none:1 has no image to copy'],
    ['a tag that is not there', 'web:2', 'default/web:2 has no image to copy'],
    ['a tag that never had an image', 'web:waiting', 'default/web:waiting has no image to copy'],
  ])('is NOT_FOUND for %s, and writes nothing', (_, name, message) => {
    world.push(one, 'web:1')
    world.retag('web:waiting', 'later:1', { alias: true })
    const before = world.dump()

    expect(() => world.retag('app:prod', name)).toThrow(
      error('NOT_FOUND', { message: expect.stringContaining(message) }),
    )
    expect(world.dump()).toEqual(before)
  })
})

describe('tagging with alias', () => {
  it('follows the tag, within and across streams and namespaces', () => {
    world.push(one, 'web:1')
    world.retag('web:stable', 'web:1', { alias: true })
    world.retag(
      'shop/app:base',
      { kind: 'ImageStreamTag', name: 'web:stable', namespace: 'default' },
      { alias: true },
    )
    world.push(two, 'web:1')

    expect(specOf('stable', 'web')).toMatchObject({ fromKind: 'ImageStreamTag', fromName: 'web:1' })
    expect(world.digestsOf('web:stable')).toEqual([TWO, ONE])
    expect(world.digestsOf('shop/app:base')).toEqual([TWO, ONE])
  })

  it('waits for a missing tag', () => {
    world.retag('app:base', 'web:1', { alias: true })
    expect(world.digestsOf('app:base')).toEqual([])
    world.push(one, 'web:1')

    expect(world.digestsOf('app:base')).toEqual([ONE])
  })

  it('is refused where the tag would follow itself, with the cycle in the message; nothing is written', () => {
    world.retag('b:2', 'a:1', { alias: true })
    const before = world.dump()

    expect(() => world.retag('a:1', 'b:2', { alias: true })).toThrow(
      error('INVALID', { field: 'from.name', message: expect.stringContaining('a:1 → b:2 → a:1') }),
    )
    expect(() => world.retag('a:1', 'a:1', { alias: true })).toThrow(error('INVALID', { field: 'from.name' }))
    expect(world.dump()).toEqual(before)
  })

  it('ends when the tag gets another source', () => {
    world.push(one, 'web:1')
    world.retag('app:base', 'web:1', { alias: true })
    world.retag('app:base', 'web:1')
    world.push(two, 'web:1')

    expect(world.digestsOf('app:base')).toEqual([ONE])
  })
})

describe('tagging an image of a history', () => {
  const from = (name: string) => ({ kind: 'ImageStreamImage', name }) as const

  it.each([`web@${ONE}`, `web@${ONE.slice(0, 15)}`])(
    'sets the tag to it, by its whole digest in the spec: %s',
    (name) => {
      world.push(one, 'web:1')
      world.push(two, 'web:1')
      world.retag('app:prod', from(name))

      expect(specOf('prod')).toMatchObject({ fromName: `web@${ONE}` })
      expect(world.digestsOf('app:prod')).toEqual([ONE])
    },
  )

  it('returns to an older image of the same tag, as a new event', () => {
    world.push(one, 'web:1')
    world.push(two, 'web:1')
    world.retag('web:1', from(ONE.slice(0, 20)))

    expect(world.digestsOf('web:1')).toEqual([ONE, TWO, ONE])
  })

  it('is NOT_FOUND for an image that only another stream had', () => {
    world.push(one, 'web:1')
    world.push(two, 'other:1')

    for (const name of [`web@${TWO}`, `web@${TWO.slice(0, 30)}`, `none@${ONE}`]) {
      expect(() => world.retag('app:prod', from(name))).toThrow(error('NOT_FOUND'))
    }
    expect(world.streams.byName(SYSTEM, 'default', 'app')).toBeUndefined()
  })
})

describe('tagging from a registry', () => {
  it('requests the import of the image without waiting for it', async () => {
    world.remote.push(UPSTREAM, '3.3', one)
    const { importId } = world.retag('app:ruby', registry(`${UPSTREAM}:3.3`), {
      scheduled: true,
      insecure: true,
      importMode: 'PreserveOriginal',
      referencePolicy: 'Local',
    })

    expect(world.importer.byIds(SYSTEM, [importId ?? 0]).get(importId ?? 0)).toMatchObject({
      finishedAt: null,
      imported: 0,
    })
    expect(world.digestsOf('app:ruby')).toEqual([])
    expect(await world.finished(importId ?? 0)).toMatchObject({ state: 'SUCCEEDED', imported: 1 })
    expect(world.digestsOf('app:ruby')).toEqual([ONE])
    expect(specOf('ruby')).toMatchObject({
      fromKind: 'DockerImage',
      fromName: `${UPSTREAM}:3.3`,
      scheduled: 1,
      insecure: 1,
      importMode: 'PreserveOriginal',
      referencePolicy: 'Local',
    })
  })

  it('again imports again', async () => {
    world.remote.push(UPSTREAM, '3.3', one)
    await world.finished(world.retag('app:ruby', registry(`${UPSTREAM}:3.3`)).importId ?? 0)
    world.remote.push(UPSTREAM, '3.3', two)
    await world.finished(world.retag('app:ruby', registry(`${UPSTREAM}:3.3`)).importId ?? 0)

    expect(world.digestsOf('app:ruby')).toEqual([TWO, ONE])
  })

  it('with reference: true passes the pull spec on, and imports nothing', () => {
    const { importId } = world.retag('app:ruby', registry(`${UPSTREAM}:3.3`), { reference: true })

    expect(importId).toBeNull()
    expect(specOf('ruby')).toMatchObject({ fromName: `${UPSTREAM}:3.3`, reference: 1 })
    expect(world.digestsOf('app:ruby')).toEqual([])
    expect(world.remote.calls).toEqual([])
  })
})

describe('an invalid input for tagging', () => {
  const from = (kind: 'DockerImage' | 'ImageStreamTag' | 'ImageStreamImage', name: string) => ({
    from: { kind, name },
  })
  const web = from('ImageStreamTag', 'web:1')

  it.each<[string, Partial<TagImageInput>]>([
    ['namespace', { namespace: 'A' }],
    ['imageStream', { imageStream: 'App' }],
    ['tag', { tag: '.x' }],
    ['from.name', from('ImageStreamTag', 'web:')],
    ['from.name', from('ImageStreamTag', 'Web:1')],
    ['from.name', from('ImageStreamTag', `web@${ONE}`)],
    ['from.name', from('ImageStreamImage', 'web:1')],
    ['from.name', from('ImageStreamImage', 'web@sha256:')],
    ['from.name', from('DockerImage', 'http://x/y')],
    ['from.namespace', { from: { kind: 'ImageStreamTag', name: 'web:1', namespace: 'a..b' } }],
    ['from.namespace', { from: { kind: 'DockerImage', name: 'ruby', namespace: 'default' } }],
    ['alias', { ...from('DockerImage', 'ruby'), alias: true }],
    ['alias', { ...from('ImageStreamImage', `web@${ONE}`), alias: true }],
    ['reference', { ...web, alias: true, reference: true }],
    ['scheduled', { ...web, scheduled: true }],
    ['insecure', { ...from('ImageStreamImage', `web@${ONE}`), insecure: true }],
    ['importMode', { ...web, importMode: 'Legacy' }],
    ['scheduled', { ...from('DockerImage', `ruby@${ONE}`), scheduled: true }],
    ['scheduled', { ...from('DockerImage', 'ruby'), reference: true, scheduled: true }],
    ['insecure', { ...from('DockerImage', 'ruby'), reference: true, insecure: true }],
    ['importMode', { ...from('DockerImage', 'ruby'), reference: true, importMode: 'Legacy' }],
    ['referencePolicy', { ...from('DockerImage', 'ruby'), reference: true, referencePolicy: 'Local' }],
  ])('is INVALID, naming %s of %j, and writes nothing', (field, input) => {
    world.push(one, 'web:1')
    const before = world.dump()

    expect(() => world.retag('app:prod', 'web:1', input)).toThrow(error('INVALID', { field }))
    expect(world.dump()).toEqual(before)
  })
})

describe('untagging', () => {
  it('removes the spec tag and the tag with its history, as a new generation', () => {
    world.push(one, 'web:1')
    world.retag('app:prod', 'web:1')
    world.untag('app:prod')

    expect(specOf('prod')).toBeUndefined()
    expect(world.tag('prod', 'app')).toBeUndefined()
    expect(world.stream('app').generation).toBe(2)
    expect(world.log()).toHaveLength(2)
  })

  it('removes a tag that only the status or only the spec has', () => {
    world.push(one, 'web:1')
    world.retag('web:waiting', 'none:1', { alias: true })
    const { generation, resourceVersion } = world.stream('web')
    world.untag('web:1')
    expect(world.stream('web')).toMatchObject({ generation, resourceVersion: resourceVersion + 1 })
    world.untag('web:waiting')

    expect(world.tagNames('web')).toEqual([])
    expect(world.streams.specTags([world.stream('web').id])).toEqual([])
  })

  it('ends the running import of the tag', async () => {
    world.remote.push(UPSTREAM, 'latest', one)
    const hold = world.remote.hold(({ kind }) => kind === 'manifest')
    const { importId } = world.retag('app:ruby', registry(`${UPSTREAM}:latest`))
    await hold.reached
    world.untag('app:ruby')
    hold.release()

    expect(await world.finished(importId ?? 0)).toMatchObject({ failed: 1 })
    expect(world.tag('ruby', 'app')).toBeUndefined()
  })

  it('leaves the other spec tags as they are', async () => {
    world.remote.push(UPSTREAM, 'a', one)
    await world.create({ spec: { tags: [fromImage('a', `${UPSTREAM}:a`), fromImage('b', `${UPSTREAM}:a`)] } })
    world.untag('ruby:b')

    expect(world.tagNames()).toEqual(['a'])
    expect(specOf('a', 'ruby')).toMatchObject({ generation: 1 })
  })

  it('is NOT_FOUND for a missing stream or tag, INVALID for an invalid name, and changes nothing', () => {
    world.push(image({ seed: 3 }), 'web:1')
    const before = world.dump()

    expect(() => world.untag('none:1')).toThrow(error('NOT_FOUND'))
    expect(() => world.untag('web:2')).toThrow(error('NOT_FOUND', { message: 'default/web has no tag 2' }))
    expect(() => world.untag('Web:1')).toThrow(error('INVALID', { field: 'imageStream' }))
    expect(() => world.untag('web:.x')).toThrow(error('INVALID', { field: 'tag' }))
    expect(world.dump()).toEqual(before)
  })
})
