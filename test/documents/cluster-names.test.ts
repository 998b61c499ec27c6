import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { documentWarnings } from '../../src/documents/image-stream-document.ts'
import { TestDomain } from '../fixtures/test-domain.ts'
import { apply, applyOne, exported, exportedYaml, imageStream } from './documents.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const NAMESPACE_RULE = 'there a namespace is 1 to 63 lowercase letters, digits and dashes'
const NAME_RULE = 'there a name has no slash, and single ".", "_" and "-" between letters and digits'

describe('a document whose names only this server accepts', () => {
  const document = imageStream(
    {
      tags: [
        { name: 'base', from: { kind: 'ImageStreamTag', namespace: 'other_team', name: 'base/os:v1' } },
        { name: 'image', from: { kind: 'DockerImage', name: 'registry.test/a/b__c:v1' } },
        { name: 'same', from: { kind: 'ImageStreamTag', name: 'base' } },
      ],
    },
    { namespace: 'my_team', name: 'sub/my_app' },
  )
  const warnings = [
    `metadata.namespace: an OpenShift cluster refuses "my_team": ${NAMESPACE_RULE}`,
    `metadata.name: an OpenShift cluster refuses "sub/my_app": ${NAME_RULE}`,
    `spec.tags[0].from.namespace: an OpenShift cluster refuses "other_team": ${NAMESPACE_RULE}`,
    `spec.tags[0].from.name: an OpenShift cluster refuses "base/os": ${NAME_RULE}`,
  ]

  it('is applied with a warning for each of them', () => {
    expect(applyOne(domain, document)).toMatchObject({
      namespace: 'my_team',
      name: 'sub/my_app',
      action: 'CREATED',
      warnings,
    })
    expect(domain.streams.byName(SYSTEM, 'my_team', 'sub/my_app')).toBeDefined()
  })

  it('is exported with the same warnings, in YAML as comments, and can be applied again', () => {
    applyOne(domain, document)
    const stream = domain.streams.existing(SYSTEM, 'my_team', 'sub/my_app')
    const yaml = exportedYaml(domain, 'sub/my_app', 'my_team')

    expect(documentWarnings(stream, domain)).toEqual(warnings)
    expect(yaml.split('\n').slice(0, 5)).toEqual([
      ...warnings.map((warning) => `# ${warning}`),
      'apiVersion: image.openshift.io/v1',
    ])
    for (const text of [yaml, exported(domain, 'sub/my_app', 'my_team')]) {
      expect(applyOne(domain, text)).toMatchObject({ action: 'UNCHANGED', warnings })
    }
  })

  it('is exported with a hundred warnings, and then the number of the others', () => {
    const from = (at: number) => ({ kind: 'ImageStreamTag', name: `a--b:v${at}` })
    const tags = Array.from({ length: 120 }, (_, at) => ({ name: `v${at}`, from: from(at), reference: true }))
    applyOne(domain, imageStream({ tags }, { namespace: 'team', name: 'many' }))

    const found = documentWarnings(domain.streams.existing(SYSTEM, 'team', 'many'), domain)

    expect(found).toHaveLength(101)
    expect(found.at(-1)).toBe('and 20 more warnings')
  })

  it.each([
    ['team', 'a__b', NAME_RULE],
    ['team', 'a--b', NAME_RULE],
    ['team', 'a/b', NAME_RULE],
    ['te.am', 'app', NAMESPACE_RULE],
    ['a'.repeat(64), 'app', NAMESPACE_RULE],
    ['default', 'a'.repeat(250), 'there namespace/name has at most 255 characters'],
  ])('has a warning: %s/%s', (namespace, name, rule) => {
    const applied = applyOne(domain, imageStream({}, { namespace, name }))
    expect(applied.warnings).toEqual([expect.stringContaining(`: ${rule}`)])
  })

  it.each([
    ['default', 'ruby'],
    ['team-1', 'my_app'],
    ['team', 'a.b-c_d'],
    ['a'.repeat(63), 'b'.repeat(191)],
  ])('is not one that a cluster accepts: %s/%s has no warning', (namespace, name) => {
    expect(applyOne(domain, imageStream({}, { namespace, name })).warnings).toEqual([])
    expect(documentWarnings(domain.streams.existing(SYSTEM, namespace, name), domain)).toEqual([])
  })
})

describe('a document with a nested name', () => {
  const nested = imageStream({}, { name: 'team/sub/app' })

  it('needs its namespace: without one it is refused with the remedy', () => {
    const documents = JSON.stringify(nested)
    expect(() => domain.applyDocuments(SYSTEM, { documents, dryRun: false })).toThrow(
      'metadata.namespace: "team/sub/app" has a slash, and such a name needs its namespace: ' +
        'for the repository team/sub/app give the namespace "team" and the name "sub/app"',
    )
  })

  it('can get its namespace from the request', () => {
    expect(applyOne(domain, nested, { namespace: 'default' })).toMatchObject({
      namespace: 'default',
      name: 'team/sub/app',
    })
  })

  it('as the source of a tag has its namespace as the first component', () => {
    const from = { kind: 'ImageStreamTag', name: 'team/sub/app:v1' }
    applyOne(domain, imageStream({ tags: [{ name: 'a', from }] }))
    expect(JSON.parse(exported(domain, 'ruby')).spec.tags).toMatchObject([
      { name: 'a', from: { kind: 'ImageStreamTag', namespace: 'team', name: 'sub/app:v1' } },
    ])
  })

  it('is imported by an ImageStreamImport', () => {
    const document = {
      apiVersion: 'image.openshift.io/v1',
      kind: 'ImageStreamImport',
      metadata: { namespace: 'team', name: 'sub/app' },
      spec: {
        import: true,
        images: [{ from: { kind: 'DockerImage', name: 'registry.test/a:v1' }, to: { name: 'v1' } }],
      },
    }
    const [applied] = apply(domain, document)
    expect(applied).toMatchObject({ namespace: 'team', name: 'sub/app', action: 'CREATED' })
    expect(applied?.warnings).toEqual([
      expect.stringContaining('metadata.name: an OpenShift cluster refuses'),
    ])
  })
})
