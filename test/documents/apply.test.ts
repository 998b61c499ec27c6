import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'
import { apply, applyOne, exported, imageStream, listOf, tagOf, wish } from './documents.ts'

const ONE = image({ seed: 1 })
const TWO = image({ seed: 2 })

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
  domain.remote.push(UPSTREAM, 'latest', ONE).push(UPSTREAM, '3.3', TWO)
})
afterEach(async () => {
  expect(domain.internalErrors).toEqual([])
  await domain[Symbol.asyncDispose]()
})

const FULL = imageStream(
  {
    dockerImageRepository: UPSTREAM,
    lookupPolicy: { local: true },
    tags: [
      tagOf('stable', `${UPSTREAM}:3.3`, {
        annotations: { version: '3.3' },
        importPolicy: { importMode: 'PreserveOriginal', scheduled: true },
        referencePolicy: { type: 'Local' },
      }),
      tagOf('quoted', `${UPSTREAM}:gone`, { reference: true }),
    ],
  },
  { labels: { team: 'a' }, annotations: { note: 'x', 'openshift.io/image.insecureRepository': 'true' } },
)

describe('a document for a new stream', () => {
  it('creates it with all its fields, and imports its sources', async () => {
    const applied = applyOne(domain, FULL)
    expect(applied).toMatchObject({
      kind: 'ImageStream',
      namespace: 'default',
      name: 'ruby',
      action: 'CREATED',
      warnings: [],
    })
    const finished = await domain.finished(applied.importId ?? 0)

    expect(finished).toMatchObject({ state: 'SUCCEEDED', imported: 3 })
    expect(domain.stream()).toMatchObject({
      insecure: 1,
      lookupLocal: 1,
      dockerImageRepository: UPSTREAM,
      generation: 1,
    })
    expect(domain.digests('stable')).toEqual([TWO.digest])
    expect(domain.digests('latest')).toEqual([ONE.digest])
    expect(wish(exported(domain, 'ruby'))).toMatchObject({ metadata: FULL.metadata })
  })

  it('reports every field in the diff', () => {
    expect(applyOne(domain, FULL).diff).toBe(`+ metadata.annotations.note: "x"
+ metadata.annotations["openshift.io/image.insecureRepository"]: "true"
+ metadata.labels.team: "a"
+ metadata.name: "ruby"
+ metadata.namespace: "default"
+ spec.dockerImageRepository: "registry.test/ruby"
+ spec.importPolicy.importMode: "Legacy"
+ spec.importPolicy.scheduled: false
+ spec.lookupPolicy.local: true
+ spec.tags.quoted.from.kind: "DockerImage"
+ spec.tags.quoted.from.name: "registry.test/ruby:gone"
+ spec.tags.quoted.importPolicy.importMode: "Legacy"
+ spec.tags.quoted.reference: true
+ spec.tags.quoted.referencePolicy.type: "Source"
+ spec.tags.stable.annotations.version: "3.3"
+ spec.tags.stable.from.kind: "DockerImage"
+ spec.tags.stable.from.name: "registry.test/ruby:3.3"
+ spec.tags.stable.importPolicy.importMode: "PreserveOriginal"
+ spec.tags.stable.importPolicy.scheduled: true
+ spec.tags.stable.referencePolicy.type: "Local"
`)
  })

  it('uses its namespace, or else the given one', () => {
    const documents = listOf(imageStream({}, { namespace: 'team' }), imageStream({}, { name: 'app' }))

    expect(apply(domain, documents, { namespace: 'mine' })).toMatchObject([
      { namespace: 'team', name: 'ruby' },
      { namespace: 'mine', name: 'app' },
    ])
    expect(domain.streams.byName(SYSTEM, 'mine', 'app')).toBeDefined()
  })

  it('requests no import without a source', () => {
    expect(applyOne(domain, imageStream({ tags: [{ name: 'pushed' }] }))).toMatchObject({
      action: 'CREATED',
      importId: null,
    })
  })

  it('ignores the fields that servers set, with any values', () => {
    const serverSet = { creationTimestamp: null, generation: 'x', managedFields: 7, selfLink: [], uid: 'x' }
    const document = {
      ...imageStream({ tags: [{ name: 'a', generation: null }] }, serverSet),
      status: { dockerImageRepository: 7, publicDockerImageRepository: null, tags: [{ conditions: 'x' }] },
    }

    expect(applyOne(domain, document)).toMatchObject({ action: 'CREATED', warnings: [] })
    expect(domain.stream().generation).toBe(1)
  })
})

describe('a document for an existing stream', () => {
  it('replaces the whole spec: what it leaves out is no longer followed, and the tags keep their histories', async () => {
    await domain.create({
      labels: [{ key: 'old', value: '1' }],
      spec: {
        dockerImageRepository: UPSTREAM,
        tags: [fromImage('gone', `${UPSTREAM}:3.3`), fromImage('kept', `${UPSTREAM}:3.3`)],
      },
    })
    const kept = domain.history('kept')

    const applied = applyOne(
      domain,
      imageStream(
        { dockerImageRepository: UPSTREAM, tags: [tagOf('kept', `${UPSTREAM}:3.3`)] },
        { labels: { new: '2' } },
      ),
    )

    expect(applied).toMatchObject({ action: 'CONFIGURED', importId: null })
    expect(applied.diff).toBe(`+ metadata.labels.new: "2"
- metadata.labels.old: "1"
- spec.tags.gone.from.kind: "DockerImage"
- spec.tags.gone.from.name: "registry.test/ruby:3.3"
- spec.tags.gone.importPolicy.importMode: "Legacy"
- spec.tags.gone.referencePolicy.type: "Source"
`)
    expect(applied.stoppedSources).toEqual([
      { tag: 'gone', source: `DockerImage ${UPSTREAM}:3.3`, historyEntryCount: 1 },
    ])
    expect(domain.tagNames()).toEqual(['latest', '3.3', 'gone', 'kept'])
    expect(domain.history('gone')).toHaveLength(1)
    expect(domain.history('kept')).toEqual(kept)
  })

  it('imports only the tags that changed', async () => {
    await domain.create({
      spec: {
        tags: [
          fromImage('a', `${UPSTREAM}:latest`, {
            annotations: [
              { key: 'x', value: '1' },
              { key: 'a', value: '2' },
            ],
          }),
          fromImage('b', `${UPSTREAM}:latest`),
        ],
      },
    })
    domain.remote.calls.length = 0

    const same = tagOf('a', `${UPSTREAM}:latest`, { annotations: { a: '2', x: '1' } })
    const applied = applyOne(domain, imageStream({ tags: [same, tagOf('b', `${UPSTREAM}:3.3`)] }))
    await domain.finished(applied.importId ?? 0)

    expect(applied.diff).toBe(
      '- spec.tags.b.from.name: "registry.test/ruby:latest"\n+ spec.tags.b.from.name: "registry.test/ruby:3.3"\n',
    )
    expect(domain.remote.calls.map(({ subject }) => subject)).not.toContain('latest')
    expect(domain.digests('b')).toEqual([TWO.digest, ONE.digest])
  })

  it('keeps the import policy of the repository, except insecure', async () => {
    const importPolicy = { insecure: true, scheduled: true, importMode: 'PreserveOriginal' } as const
    await domain.create({ spec: { dockerImageRepository: UPSTREAM, importPolicy } })

    const applied = applyOne(domain, imageStream({ dockerImageRepository: UPSTREAM }))

    expect(applied.diff).toBe('- metadata.annotations["openshift.io/image.insecureRepository"]: "true"\n')
    expect(domain.stream()).toMatchObject({ insecure: 0, scheduled: 1, importMode: 'PreserveOriginal' })
    expect(await domain.finished(applied.importId ?? 0)).toMatchObject({ state: 'SUCCEEDED' })
  })

  it('does not store the annotations that the server sets', () => {
    apply(domain, FULL)
    apply(domain, { ...FULL, metadata: { ...FULL.metadata, labels: {} } })

    expect(domain.stream().annotations).toBe('[{"key":"note","value":"x"}]')
    expect(domain.stream()).toMatchObject({ insecure: 1, labels: '[]' })
  })

  it('is UNCHANGED where only the order of keys differs, and nothing is written', () => {
    const annotations = { a: '1', b: '2' }
    const turned = { b: '2', a: '1' }
    const tags = [tagOf('x', `${UPSTREAM}:x`, { annotations }), tagOf('y', `${UPSTREAM}:y`)]
    apply(domain, imageStream({ tags }, { annotations, labels: annotations }))
    const before = domain.dump()

    const again = imageStream(
      { tags: [tagOf('x', `${UPSTREAM}:x`, { annotations: turned }), tags[1]] },
      { annotations: turned, labels: turned },
    )
    expect(applyOne(domain, again)).toMatchObject({ action: 'UNCHANGED', diff: '', importId: null })

    expect(domain.dump()).toEqual(before)
  })

  it('stores the order of its tags, and reports it', () => {
    const [x, y, z] = ['x', 'y', 'z'].map((name) => tagOf(name, `${UPSTREAM}:${name}`))
    apply(domain, imageStream({ tags: [x, y] }))

    expect(applyOne(domain, imageStream({ tags: [y, z, x] }))).toMatchObject({
      action: 'CONFIGURED',
      diff: expect.stringMatching(
        /^- order of spec\.tags: \["x","y"\]\n\+ order of spec\.tags: \["y","x"\]$/m,
      ),
    })

    expect(domain.streams.specTags([domain.stream().id]).map(({ name }) => name)).toEqual(['y', 'z', 'x'])
    expect(applyOne(domain, imageStream({ tags: [y, z, x] }))).toMatchObject({ action: 'UNCHANGED' })
  })

  it('gives a tag that follows another the image of its source, in the same transaction', async () => {
    await domain.create({ spec: { tags: [fromImage('3.3', `${UPSTREAM}:3.3`)] } })

    apply(
      domain,
      imageStream({
        tags: [
          tagOf('3.3', `${UPSTREAM}:3.3`),
          { name: 'stable', from: { kind: 'ImageStreamTag', name: '3.3' } },
        ],
      }),
    )

    expect(domain.digests('stable')).toEqual([TWO.digest])
  })
})

describe('a dry run', () => {
  it('writes nothing, and reports the changes', async () => {
    await domain.create({ spec: { tags: [fromImage('a', `${UPSTREAM}:latest`)] } })
    const documents = listOf(FULL, imageStream({ dockerImageRepository: UPSTREAM }, { name: 'app' }))
    const before = domain.dump()

    const rehearsed = apply(domain, documents, { dryRun: true })

    expect(domain.dump()).toEqual(before)
    expect(rehearsed).toMatchObject([
      { action: 'CONFIGURED', importId: null },
      { action: 'CREATED', importId: null },
    ])
    const applied = apply(domain, documents)
    expect(rehearsed).toEqual(applied.map((one) => ({ ...one, importId: null })))
  })

  it('refuses what an actual run would refuse', () => {
    const cycle = imageStream({
      tags: [
        { name: 'a', from: { kind: 'ImageStreamTag', name: 'b' } },
        { name: 'b', from: { kind: 'ImageStreamTag', name: 'a' } },
      ],
    })

    expect(() => apply(domain, cycle, { dryRun: true })).toThrow(/from\.name/)
  })
})

describe('several documents', () => {
  it('can be a List, an ImageStreamList without kinds, or a series of YAML documents', () => {
    const bare = { metadata: { name: 'c' } }
    const imageStreamList = {
      apiVersion: 'image.openshift.io/v1',
      kind: 'ImageStreamList',
      metadata: {},
      items: [bare],
    }
    const legacy = { ...imageStream({}, { name: 'd' }), apiVersion: 'v1' }
    const text = [
      listOf(imageStream({}, { name: 'a' }), imageStream({}, { name: 'b' })),
      imageStreamList,
      legacy,
    ]
      .map((document) => JSON.stringify(document))
      .join('\n---\n')

    expect(apply(domain, text).map(({ name, action }) => `${name} ${action}`)).toEqual([
      'a CREATED',
      'b CREATED',
      'c CREATED',
      'd CREATED',
    ])
  })

  it('can follow each other’s tags in any order', async () => {
    const follower = imageStream(
      { tags: [{ name: 'a', from: { kind: 'ImageStreamTag', name: 'ruby:stable' } }] },
      { name: 'app' },
    )
    const [, followed] = apply(
      domain,
      listOf(follower, imageStream({ tags: [tagOf('stable', `${UPSTREAM}:3.3`)] })),
    )
    await domain.finished(followed?.importId ?? 0)

    expect(domain.digests('a', 'app')).toEqual([TWO.digest])
  })

  it('are applied in one transaction, also a thousand of them', async () => {
    const many = Array.from({ length: 1000 }, (_, at) =>
      imageStream({ tags: [{ name: 'a' }] }, { name: `s${at}` }),
    )

    expect(apply(domain, listOf(...many))).toHaveLength(1000)
    const before = domain.dump()
    expect(apply(domain, listOf(...many)).every(({ action }) => action === 'UNCHANGED')).toBe(true)

    expect(await domain.streams.count(SYSTEM, {})).toBe(1000)
    expect(domain.dump()).toEqual(before)
  })
})
