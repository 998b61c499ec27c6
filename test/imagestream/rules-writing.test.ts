import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { createPruner } from '../../src/collect/images/prune.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { FollowWorld, following } from './follow-world.ts'

const one = image({ seed: 1 })
const two = image({ seed: 2 })

let world: FollowWorld
beforeEach(async () => {
  world = new FollowWorld()
  world.remote.push(UPSTREAM, 'latest', one).push(UPSTREAM, '3.3', one)
  world.push(one, 'web:1')
  await world.create({
    spec: { dockerImageRepository: UPSTREAM, tags: [fromImage('a', UPSTREAM), following('b', 'web:1')] },
  })
})
afterEach(() => world[Symbol.asyncDispose]())

const RUBY = { namespace: 'default', name: 'ruby' }
const KEPT = [fromImage('a', UPSTREAM), following('b', 'web:1')]
const update = (input: object) => world.writer.update(SYSTEM, { ...RUBY, ...input })
const document = (more: object): string => {
  const { uid, resourceVersion } = world.stream()
  return JSON.stringify({
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStream',
    metadata: { name: 'ruby', uid, resourceVersion: String(resourceVersion), ...more },
    spec: {
      dockerImageRepository: UPSTREAM,
      tags: [
        { name: 'a', from: { kind: 'DockerImage', name: UPSTREAM } },
        { name: 'b', from: { kind: 'ImageStreamTag', name: 'web:1' } },
      ],
    },
  })
}

/** Writes of a stream, and whether each changes its spec. */
const WRITES: Record<string, { readonly spec: boolean; readonly write: () => unknown }> = {
  labels: { spec: false, write: () => update({ labels: [{ key: 'a', value: '1' }] }) },
  annotations: { spec: false, write: () => update({ annotations: [{ key: 'a', value: '1' }] }) },
  'another repository': {
    spec: true,
    write: () => update({ spec: { dockerImageRepository: 'registry.test/other' } }),
  },
  'how the repository is imported': {
    spec: true,
    write: () =>
      update({ spec: { importPolicy: { insecure: true, scheduled: false, importMode: 'Legacy' } } }),
  },
  'whether it is looked up': { spec: true, write: () => update({ spec: { lookupPolicy: { local: true } } }) },
  'a spec tag more': {
    spec: true,
    write: () => update({ spec: { tags: [...KEPT, fromImage('c', UPSTREAM, { reference: true })] } }),
  },
  'a spec tag less': { spec: true, write: () => update({ spec: { tags: KEPT.slice(0, 1) } }) },
  tagImage: { spec: true, write: () => world.retag('ruby:x', 'web:1') },
  'tagImage with alias': { spec: true, write: () => world.retag('ruby:x', 'web:1', { alias: true }) },
  'untagImage of a spec tag': { spec: true, write: () => world.untag('ruby:a') },
  'untagImage of a tag that only status has': { spec: false, write: () => world.untag('ruby:3.3') },
  'importImage with from': {
    spec: true,
    write: () => world.import({ tag: 'y', from: UPSTREAM }),
  },
  rollbackTag: {
    spec: true,
    write: () =>
      world.rollBackTag(SYSTEM, { namespace: 'default', imageStream: 'ruby', tag: 'a', digest: one.digest }),
  },
  'a document': {
    spec: false,
    write: () =>
      world.applyDocuments(SYSTEM, {
        documents: document({ labels: { a: '1' } }),
        namespace: 'default',
        dryRun: false,
      }),
  },
  'a push': { spec: false, write: () => world.push(two, 'ruby:3.3') },
  'a push of a tag that one of its tags follows': { spec: false, write: () => world.push(two, 'web:1') },
  'a deletion in the registry': {
    spec: false,
    write: () =>
      world.db.transact((tx) => world.receiver.removeTags(tx, SYSTEM, world.stream().id, [tagName('3.3')])),
  },
  'an import that finds another image': {
    spec: false,
    write: () => {
      world.remote.push(UPSTREAM, '3.3', two)
      return world.import()
    },
  },
  'an import of which a tag fails': {
    spec: false,
    write: () => {
      world.remote.fail(UPSTREAM, '3.3', 'Unauthorized')
      return world.import()
    },
  },
}

const versions = () => {
  const { generation, resourceVersion } = world.stream()
  return { generation, resourceVersion }
}

describe('every write raises the resource version, and a change of spec the generation', () => {
  it.each(Object.entries(WRITES))('%s', async (_what, { spec, write }) => {
    const before = versions()

    await write()

    const after = versions()
    expect(after.resourceVersion).toBeGreaterThan(before.resourceVersion)
    expect(after.generation).toBe(before.generation + (spec ? 1 : 0))
  })

  it('by the pruning of history entries too', async () => {
    await using pruner = createPruner({ ...world, now: () => world.time })
    for (const content of [two, one, two, one]) world.push(content, 'ruby:3.3')
    const before = versions()

    await pruner.prune(SYSTEM, { keepTagRevisions: 1, keepYoungerThanMinutes: 0 })

    expect(versions().resourceVersion).toBeGreaterThan(before.resourceVersion)
    expect(versions().generation).toBe(before.generation)
  })

  it('but not a write without changes', async () => {
    const before = versions()

    update({ labels: [], spec: { tags: KEPT } })
    world.push(one, 'web:1')
    world.retag('ruby:b', 'web:1', { alias: true })
    await world.import()
    world.applyDocuments(SYSTEM, { documents: document({}), namespace: 'default', dryRun: false })

    expect(versions()).toEqual(before)
  })

  it('and each of many writes gets its own version', () => {
    const seen = new Set<number>()
    for (let at = 0; at < 20; at++) {
      update({ labels: [{ key: 'at', value: String(at) }] })
      seen.add(versions().resourceVersion)
    }

    expect(seen.size).toBe(20)
  })
})

describe('a write with an old version', () => {
  it.each<[string, (resourceVersion: string) => unknown]>([
    [
      'updateImageStream',
      (resourceVersion) => update({ resourceVersion, labels: [{ key: 'a', value: '1' }] }),
    ],
    [
      'deleteImageStream',
      (resourceVersion) => world.streamRemoval.delete(SYSTEM, { ...RUBY, resourceVersion }),
    ],
    ['tagImage', (resourceVersion) => world.retag('ruby:x', 'web:1', { resourceVersion })],
    [
      'untagImage',
      (resourceVersion) =>
        world.tagRemoval.remove(SYSTEM, {
          namespace: 'default',
          imageStream: 'ruby',
          tag: 'a',
          resourceVersion,
        }),
    ],
    ['importImage', (resourceVersion) => world.beginImport({ tag: 'y', from: UPSTREAM, resourceVersion })],
    [
      'importImage as a dry run',
      (resourceVersion) => world.beginImport({ tag: 'y', from: UPSTREAM, dryRun: true, resourceVersion }),
    ],
    [
      'rollbackTag',
      (resourceVersion) =>
        world.rollBackTag(SYSTEM, {
          namespace: 'default',
          imageStream: 'ruby',
          tag: 'a',
          digest: one.digest,
          resourceVersion,
        }),
    ],
  ])('is refused as CONFLICT and changes nothing: %s', (_write, write) => {
    const old = String(world.stream().resourceVersion)
    update({ labels: [{ key: 'newer', value: '1' }] })
    const before = world.dump()

    for (const resourceVersion of [old, '', '0', 'x', `${world.stream().resourceVersion} `]) {
      expect(() => write(resourceVersion)).toThrow(expect.objectContaining({ code: 'CONFLICT' }))
    }
    expect(world.dump()).toEqual(before)

    // and succeeds for the newest
    expect(() => write(String(world.stream().resourceVersion))).not.toThrow()
  })

  it.each(['tagImage', 'importImage'])('is refused where the stream was deleted: %s', (write) => {
    const resourceVersion = String(world.stream().resourceVersion)
    world.streamRemoval.delete(SYSTEM, RUBY)
    const before = world.dump()

    const again = () =>
      write === 'tagImage'
        ? world.retag('ruby:x', 'web:1', { resourceVersion })
        : world.beginImport({ tag: 'y', from: UPSTREAM, confirm: true, resourceVersion })

    expect(again).toThrow('default/ruby does not exist')
    expect(world.dump()).toEqual(before)
  })
})

describe('a removal', () => {
  it('of a tag keeps its history; of a spec tag alone also the tag', () => {
    const idsOf = () => world.db.prepare<{ id: number }>('select id from tag_events').all()
    const entries = idsOf()
    world.untag('ruby:a')
    update({ spec: { tags: [] } })

    expect(world.tagNames()).toEqual(['latest', '3.3', 'b'])
    expect(idsOf()).toEqual(entries)
  })

  it('of a tag that is only in the status removes it, and an import continues its history', async () => {
    world.push(two, 'ruby:3.3')
    world.untag('ruby:3.3')
    expect(world.tagNames()).not.toContain('3.3')

    await world.import()

    expect(world.digests('3.3')).toEqual([one.digest, two.digest, one.digest])
  })

  it('of a stream keeps its images and its entries in the change log', () => {
    const { images } = world.dump()
    const log = world.log()

    world.streamRemoval.delete(SYSTEM, RUBY)

    expect(world.dump().images).toEqual(images)
    expect(world.log()).toEqual(log)
    expect(world.streams.byName(SYSTEM, RUBY.namespace, RUBY.name)).toBeUndefined()
  })
})
