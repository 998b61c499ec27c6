import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { TestDomain } from '../fixtures/test-domain.ts'
import {
  apply,
  applyOne,
  exported,
  exportedYaml,
  imageStream,
  openshiftExport,
  tagOf,
  wish,
} from './documents.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

describe.each(['nodejs', 'ruby', 'jenkins'])('an OpenShift export of %s', (name) => {
  it('is applied, and exported with the same content except for fields that servers set', () => {
    const text = openshiftExport(name)

    expect(applyOne(domain, text)).toMatchObject({ action: 'CREATED' })

    expect(wish(exported(domain, name, 'openshift'))).toEqual(wish(text))
    expect(wish(exportedYaml(domain, name, 'openshift'))).toEqual(wish(text))
  })

  it('changes nothing when it or our own export of it is applied again', () => {
    apply(domain, openshiftExport(name))
    const before = domain.dump()

    for (const again of [
      openshiftExport(name),
      exported(domain, name, 'openshift'),
      exportedYaml(domain, name, 'openshift'),
    ]) {
      expect(applyOne(domain, again)).toMatchObject({ action: 'UNCHANGED', diff: '', importId: null })
    }

    expect(domain.dump()).toEqual(before)
  })
})

describe('a document', () => {
  it('from an OpenShift without import modes gets the server’s mode', async () => {
    await using modern = new TestDomain({ importMode: 'PreserveOriginal' })
    const old = imageStream({
      tags: [{ ...tagOf('a', 'registry.test/a:1'), importPolicy: {}, referencePolicy: { type: '' } }],
    })

    apply(modern, old)

    expect(wish(exported(modern, 'ruby'))).toMatchObject({
      spec: {
        tags: [{ importPolicy: { importMode: 'PreserveOriginal' }, referencePolicy: { type: 'Source' } }],
      },
    })
  })

  it('keeps its keys as strings, also where YAML would convert them', () => {
    const labels = 'labels: {on: a, 0x10: b, 1.0: c, 2026-01-02: d}'
    const text = `{apiVersion: v1, kind: ImageStream, metadata: {name: ruby, ${labels}}, spec: {<<: {tags: 1}}}`

    expect(applyOne(domain, text).warnings).toEqual(['spec["<<"]: unknown field, not stored'])

    const { metadata } = JSON.parse(exported(domain, 'ruby'))
    expect(metadata.labels).toEqual({ on: 'a', '0x10': 'b', '1.0': 'c', '2026-01-02': 'd' })
  })

  it('keeps strings that YAML would convert', () => {
    const treacherous = [
      '1.0',
      'true',
      'null',
      'no',
      '1:30',
      '012',
      '~',
      '',
      '2026-01-02',
      'a: b',
      '- x',
      'two\nlines',
    ]
    const annotations = Object.fromEntries(treacherous.map((text, at) => [`k${at}`, text]))
    apply(domain, imageStream({}, { annotations }))
    const yaml = exportedYaml(domain, 'ruby')
    domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: 'ruby' })

    apply(domain, yaml)

    expect(JSON.parse(exported(domain, 'ruby')).metadata.annotations).toEqual(annotations)
  })
})

const word = fc.stringMatching(/^[a-z0-9]{1,12}$/)
const key = fc.oneof(
  word,
  fc.tuple(word, word).map(([a, b]) => `${a}.io/${b}`),
)
const keyValues = fc.dictionary(key, fc.string({ unit: 'grapheme', maxLength: 20 }), {
  maxKeys: 4,
  noNullPrototype: true,
})
const tagName = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,10}$/)
const reference = fc.tuple(word, word, word).map(([host, name, tag]) => `${host}.test/${name}:${tag}`)
const from = fc.oneof(
  fc.record({ kind: fc.constant('DockerImage'), name: reference }),
  fc.record(
    {
      kind: fc.constant('ImageStreamTag'),
      name: fc.tuple(word, tagName).map(([s, t]) => `other-${s}:${t}`),
      namespace: word,
    },
    { requiredKeys: ['kind', 'name'] },
  ),
)
const policy = fc.constantFrom(
  '{"order":"SEMVER","range":"^3.3"}',
  '{"order":"SEMVER","includePrereleases":true,"lowest":true}',
  '{"order":"NUMERICAL","filter":{"pattern":"^build-(\\\\d+)$","extract":"$1"}}',
  '{"order":"ALPHABETICAL"}',
)
const specTag = fc
  .record({
    policy: fc.option(policy),
    name: tagName,
    annotations: keyValues,
    from: fc.option(from),
    importPolicy: fc.record(
      {
        importMode: fc.constantFrom('Legacy', 'PreserveOriginal'),
        insecure: fc.constant(true),
        scheduled: fc.constant(true),
      },
      { requiredKeys: ['importMode'] },
    ),
    reference: fc.boolean(),
    referencePolicy: fc.record({ type: fc.constantFrom('Source', 'Local') }),
  })
  .map(({ policy, annotations, from, reference, importPolicy, ...tag }) => {
    // of a registry's tags, or of the stream's own
    const isRepository = policy !== null && from?.kind === 'DockerImage'
    const source = isRepository ? { ...from, name: from.name.replace(/:.*/, '') } : policy === null && from
    // only a tag of a registry is imported periodically
    const { scheduled, ...unscheduled } = importPolicy
    const isSchedulable = !source || source.kind === 'DockerImage'
    const notes = { ...annotations, ...(policy !== null && { 'imagestreams/policy': policy }) }
    return {
      // as Go writes what is empty
      annotations: Object.keys(notes).length > 0 ? notes : null,
      ...(source && { from: source }),
      ...tag,
      importPolicy: { ...unscheduled, ...(isSchedulable && scheduled && { scheduled }) },
      ...(reference && policy === null && from && { reference }),
    }
  })
const document = fc
  .record({
    labels: keyValues,
    annotations: keyValues,
    isInsecure: fc.boolean(),
    repository: fc.option(fc.tuple(word, word).map(([host, name]) => `${host}.test/${name}`)),
    local: fc.boolean(),
    tags: fc.uniqueArray(specTag, { selector: ({ name }) => name, maxLength: 5 }),
  })
  .map(({ labels, annotations, isInsecure, repository, local, tags }) => {
    const notes = { ...annotations, ...(isInsecure && { 'openshift.io/image.insecureRepository': 'true' }) }
    return imageStream(
      {
        ...(repository !== null && { dockerImageRepository: repository }),
        lookupPolicy: { local },
        ...(tags.length > 0 && { tags }),
      },
      {
        namespace: 'default',
        ...(Object.keys(notes).length > 0 && { annotations: notes }),
        ...(Object.keys(labels).length > 0 && { labels }),
      },
    )
  })

describe('any document', () => {
  it('is exported as it was applied, over any stream before, and changes nothing when applied again', async () => {
    await fc.assert(
      fc.asyncProperty(document, document, fc.boolean(), async (first, second, asYaml) => {
        await using own = new TestDomain()
        const write = asYaml ? exportedYaml : exported

        for (const [wanted, action] of [
          [first, 'CREATED'],
          [second, null],
        ] as const) {
          const rehearsed = applyOne(own, wanted, { dryRun: true })
          const applied = applyOne(own, wanted)

          expect(applied).toMatchObject({ warnings: [], ...(action && { action }) })
          expect({ ...rehearsed, importId: null }).toEqual({ ...applied, importId: null })
          expect(wish(write(own, 'ruby'))).toEqual(wish(JSON.stringify(wanted)))
          const before = own.dump()
          expect(applyOne(own, write(own, 'ruby'))).toMatchObject({ action: 'UNCHANGED', diff: '' })
          expect(applyOne(own, wanted)).toMatchObject({ action: 'UNCHANGED', diff: '' })
          expect(own.dump()).toEqual(before)
        }
      }),
      { numRuns: 30 },
    )
  })
})
