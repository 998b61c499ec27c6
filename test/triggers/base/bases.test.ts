import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import type { Push } from '../../../src/events/push-filter.ts'
import type { SpecInput } from '../../../src/imagestream/spec/spec.ts'
import { parseManifest } from '../../../src/oci/manifest.ts'
import { createBaseContent } from '../../../src/triggers/base/base-content.ts'
import { createBaseNames } from '../../../src/triggers/base/base-names.ts'
import { type Bases, createBases } from '../../../src/triggers/base/bases.ts'
import { createTriggerRows } from '../../../src/triggers/definition/trigger-rows.ts'
import { type Image, type Index, image, index, layer } from '../../fixtures/random-image.ts'
import { fromImage, REGISTRY_HOST, TestDomain, tagName, UPSTREAM } from '../../fixtures/test-domain.ts'

const DIGEST = 'org.opencontainers.image.base.digest'
const NAME = 'org.opencontainers.image.base.name'
const arm64 = { os: 'linux', architecture: 'arm64' }
const built = (seed: string, ...layers: readonly string[]): Image =>
  image({ seed, layers: layers.map(layer) })
const ruby = [1, 2, 3].map((version) => built(`ruby ${version}`, 'debian', `ruby ${version}`))
const onRuby = (version: number, seed = 'app'): Image => built(seed, 'debian', `ruby ${version}`, seed)

const NOT_PAUSED = {
  pausedAt: null,
  pausedUntil: null,
  pausedBy: null,
  pauseReason: null,
  disabledReason: null,
}
const SETTINGS = {
  url: 'http://h/',
  format: 'CLOUD_EVENT',
  template: null,
  signature: 'NONE',
  headers: [],
} as const

let domain: TestDomain
let bases: Bases
let contentOf: ReturnType<typeof createBaseContent>

beforeEach(() => {
  domain = new TestDomain()
  contentOf = createBaseContent(domain.db)
  bases = createBases({ ...domain, contentOf, namesOf: createBaseNames(domain.db, () => REGISTRY_HOST) })
  createTriggerRows(domain.db).insert({
    ...{ uid: 'u', namespace: 'default', name: 'rebuild', streams: 'app', tags: '*', host: 'h', guards: {} },
    ...{ source: 'BASE_IMAGE', bases: 'default/*:*', basesNamedBy: null, basesReadFrom: null },
    ...{ since: 0, createdBy: 'x', createdAt: 0, updatedAt: 0, ...NOT_PAUSED },
    action: { kind: 'HTTP', settings: SETTINGS },
  })
})
afterEach(() => domain[Symbol.asyncDispose]())

const push = (content: Image | Index, at: string): number => {
  if (content.kind === 'index') for (const child of content.manifests) push(child, at.replace(/:.*/, ''))
  const [name = '', ...tags] = at.split(':')
  return domain.db.transact((tx) =>
    domain.receiver.recordPush(tx, SYSTEM, {
      repository: { namespace: 'default', name },
      digest: content.digest,
      bytes: content.bytes,
      manifest: parseManifest(content.bytes, content.mediaType),
      config: content.kind === 'image' ? content.config.bytes : null,
      tags: tags.map(tagName),
      at: domain.time,
    }),
  ).imageId
}
/** Pushes an image of a derived tag. */
const build = (content: Image | Index, tag = 'v1'): void => {
  const imageId = push(content, `app:${tag}`)
  const derived = { triggerId: 1, tagId: domain.tag(tag, 'app')?.id ?? 0 }
  domain.db.transact((tx) => bases.set(tx, derived, imageId))
}
const lastMove = (): Push => {
  const move = domain.log().at(-1)
  if (!move) throw new Error('nothing moved')
  return move
}
const outdated = (): string[] => {
  const move = lastMove()
  const [base] = domain.tags.named([move.streamId], move.tag)
  if (!base?.image) throw new Error('the base has no image')
  const now = { tagId: base.id, imageId: base.image.id }
  const found = domain.db.transact((tx) => bases.outdatedBy(tx, move, now))
  const names = domain.tags.byIds(found.map(({ tagId }) => tagId))
  return found.map(({ tagId, evidence }) => `${names.get(tagId)?.name} by ${evidence}`).toSorted()
}
const moved = (content: Image | Index, at = 'ruby:3.3'): string[] => {
  push(content, at)
  return outdated()
}
const [first, second, third] = ruby as [Image, Image, Image]

describe('a tag is outdated', () => {
  it('when the tag moves whose image has its first layers', () => {
    push(first, 'ruby:3.3')
    build(onRuby(1))

    expect(moved(second)).toEqual(['v1 by LAYERS'])
  })

  it('when a platform of its index has the layers of a platform of the base', () => {
    const armBase = image({ seed: 'a', platform: arm64, layers: [layer('arm')] })
    const armApp = image({ seed: 'b', platform: arm64, layers: [layer('arm'), layer('app')] })
    push(index([first, armBase]), 'ruby:3.3')
    build(index([built('x', 'other', 'app'), armApp]))

    expect(moved(second)).toEqual(['v1 by LAYERS'])
  })

  it.each([
    ['the image', 0],
    ['the index of the image', 1],
    ['an image of the index', 2],
  ])('when an annotation has the digest of %s to which its base pointed', (_, which) => {
    const other = image({ seed: 'a', platform: arm64 })
    const all = index([first, other])
    push(all, 'all:1')
    push(which === 2 ? all : first, 'ruby:3.3')
    const digest = [first.digest, all.digest, other.digest][which] ?? ''
    build(index([built('app', 'else')], { annotations: { [DIGEST]: digest } }))

    expect(moved(second)).toEqual(['v1 by ANNOTATION_DIGEST'])
  })

  it('when an annotation names the tag in this registry', () => {
    push(first, 'ruby:3.3')
    build(index([built('app', 'else')], { annotations: { [NAME]: `${REGISTRY_HOST}/default/ruby:3.3` } }))

    expect(moved(second, 'ruby:3.4'), 'another tag').toEqual([])
    expect(moved(second)).toEqual(['v1 by ANNOTATION_NAME'])
  })

  it.each<[string, SpecInput]>([
    ['of the repository', { dockerImageRepository: UPSTREAM }],
    ['under the name there', { tags: [fromImage('stable', `${UPSTREAM}:3.3`)] }],
  ])('when an annotation names the tag %s from which it was imported', async (_, spec) => {
    domain.remote.push(UPSTREAM, '3.3', first)
    await domain.create({ spec })
    build(index([built('app', 'else')], { annotations: { [NAME]: `${UPSTREAM}:3.3` } }))
    domain.remote.push(UPSTREAM, '3.3', second)
    await domain.import({ all: true })

    expect(outdated()).toEqual(['v1 by ANNOTATION_NAME'])
  })

  it('again at each later move of its base, until its own image changes', () => {
    push(first, 'ruby:3.3')
    build(onRuby(1))
    moved(second)

    expect(moved(third), 'not built on the second one').toEqual(['v1 by LAYERS'])
    build(onRuby(3))
    expect(moved(built('ruby 4', 'debian', 'ruby 4'))).toEqual(['v1 by LAYERS'])
    build(built('app', 'alpine', 'app'))
    expect(moved(second)).toEqual([])
  })

  it('with all others that have the same base, each once', () => {
    push(first, 'ruby:3.3')
    build(onRuby(1, 'a'), 'a')
    build(onRuby(1, 'b'), 'b')
    build(onRuby(2, 'c'), 'c')
    build(
      image({ seed: 'd', layers: ['debian', 'ruby 1', 'd'].map(layer), labels: { [DIGEST]: first.digest } }),
      'd',
    )

    expect(moved(second)).toEqual(['a by LAYERS', 'b by LAYERS', 'd by ANNOTATION_DIGEST'])
  })
})

describe('a tag is not outdated', () => {
  it('when it is built on the new image already', () => {
    push(first, 'ruby:3.3')
    push(second, 'ruby:3.4')
    build(
      image({
        seed: 'x',
        layers: ['debian', 'ruby 2', 'app'].map(layer),
        labels: { [NAME]: `${REGISTRY_HOST}/default/ruby:3.3` },
      }),
    )

    expect(moved(second)).toEqual([])
  })

  it('when its base gets its first image, or moves without being its base', () => {
    build(onRuby(1))

    expect(moved(first)).toEqual([])
    expect(moved(second, 'other:1')).toEqual([])
    expect(moved(third, 'other:1')).toEqual([])
  })

  it('when its base moves to an image that adds layers, and back', () => {
    push(first, 'ruby:3.3')
    build(onRuby(1))

    expect(moved(built('more', 'debian', 'ruby 1', 'fix'))).toEqual(['v1 by LAYERS'])
    expect(moved(first), 'the image that it is built on').toEqual([])
  })
})

it('the move of a tag costs two lookups by key, however many tags are derived from others', () => {
  push(first, 'ruby:3.3')
  for (let at = 0; at < 50; at++) build(built(`app ${at}`, 'debian', `base ${at}`, 'app'), `t${at}`)
  push(second, 'ruby:3.3')
  const plan = domain.db
    .prepare<{ detail: string }>(
      'explain query plan select * from trigger_bases where key in (select value from json_each(?))',
    )
    .all('[]')
    .map(({ detail }) => detail)

  expect(plan.filter((line) => line.includes('trigger_bases'))).toEqual([
    expect.stringMatching(/^SEARCH trigger_bases USING INDEX sqlite_autoindex_trigger_bases_1 \(key=\?\)$/),
  ])
})

it('a pruned image is the base of nothing', () => {
  expect(contentOf(1_000)).toBeUndefined()
})
