import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { TestDomain } from '../fixtures/test-domain.ts'
import { apply, imageStream, listOf, refusal, tagOf } from './documents.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

/** A YAML document whose spec begins on line 5. */
const yaml = (spec: string, metadata = ''): string => `apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {name: ruby${metadata}}
spec:
${spec}`

const TAG = `  tags:
  - name: a
    from: {kind: DockerImage, name: registry.test/a}
  - name: b
`

const REFUSED: readonly (readonly [string, string, number, string, string])[] = [
  ['a string for a list', yaml('  tags: none'), 5, 'spec.tags', 'must be a list, and is a string'],
  ['a string for an object', yaml('  tags: [none]'), 5, 'spec.tags[0]', 'must be an object, and is a string'],
  [
    'a list for an object',
    yaml('  lookupPolicy: []'),
    5,
    'spec.lookupPolicy',
    'must be an object, and is a list',
  ],
  [
    'a string for a flag',
    yaml('  lookupPolicy:\n    local: "yes"'),
    6,
    'spec.lookupPolicy.local',
    'must be true or false, and is a string',
  ],
  [
    'a number for a tag',
    yaml('  tags:\n  - name: 3.3'),
    6,
    'spec.tags[0].name',
    'must be a string, and is the number 3.3: put it in quotes',
  ],
  [
    'a time for an annotation',
    yaml(`${TAG}    annotations:\n      day: 2026-01-02`),
    10,
    'spec.tags[1].annotations.day',
    'must be a string, and is a time: put it in quotes',
  ],
  ['no name', yaml('  tags:\n  - from: {kind: DockerImage, name: a}'), 6, 'spec.tags[0].name', 'is missing'],
  [
    'an unknown kind of source',
    yaml(`${TAG}    from:\n      kind: Dockerimage\n      name: x`),
    10,
    'spec.tags[1].from.kind',
    '"Dockerimage" is not allowed: it must be DockerImage or ImageStreamTag or ImageStreamImage',
  ],
  [
    'an unknown import mode',
    yaml(`${TAG}    importPolicy:\n      importMode: All`),
    10,
    'spec.tags[1].importPolicy.importMode',
    '"All" is not allowed: it must be Legacy or PreserveOriginal',
  ],
  [
    'an unknown reference policy',
    yaml(`${TAG}    referencePolicy:\n      type: local`),
    10,
    'spec.tags[1].referencePolicy.type',
    '"local" is not allowed: it must be Source or Local',
  ],
  [
    'a reference that is none',
    yaml(`${TAG}    from:\n      kind: DockerImage\n      name: Not/One`),
    11,
    'spec.tags[1].from.name',
    'Not/One',
  ],
  ['a tag twice', yaml(`${TAG}  - name: a`), 9, 'spec.tags[2].name', 'the tag "a" appears twice'],
  ['a tag that is none', yaml('  tags:\n  - name: a b'), 6, 'spec.tags[0].name', '"a b" is not a tag'],
  [
    'a reference to nothing',
    yaml(`${TAG}    reference: true`),
    9,
    'spec.tags[1].reference',
    'reference: true requires "from"',
  ],
  [
    'a repository with a tag',
    yaml('\n\n  dockerImageRepository: registry.test/a:1'),
    7,
    'spec.dockerImageRepository',
    'names one image',
  ],
  ['a name that is none', yaml('  {}', '.Ruby'), 3, 'metadata.name', '"ruby.Ruby" is not an image stream'],
  [
    'a namespace that is none',
    yaml('  {}', ', namespace: A'),
    3,
    'metadata.namespace',
    '"A" is not a namespace',
  ],
  [
    'a label key that is none',
    yaml('  {}', ', labels: {ok: "1",\n  -bad-: "2"}'),
    4,
    'metadata.labels["-bad-"]',
    '"-bad-" is not a key',
  ],
  [
    'a label that is not a string',
    yaml('  {}', ', labels: {ok: on}'),
    3,
    'metadata.labels.ok',
    'the boolean true',
  ],
  [
    'an annotation key of a tag that is none',
    yaml(`${TAG}    annotations:\n      good: x\n      "a//b": x`),
    11,
    'spec.tags[1].annotations["a//b"]',
    '"a//b" is not a key',
  ],
  ['no metadata', 'apiVersion: v1\nkind: ImageStream\n', 1, 'metadata', 'is missing'],
  ['no kind', 'metadata: {name: a}\n', 1, 'kind', 'is missing'],
  ['no version', 'kind: ImageStream\nmetadata: {name: a}\n', 1, 'apiVersion', 'is missing'],
  [
    'another version',
    'kind: ImageStream\napiVersion: image.openshift.io/v2\n',
    2,
    'apiVersion',
    'it must be image.openshift.io/v1 or v1',
  ],
  [
    'another kind',
    'apiVersion: apps/v1\nkind: Deployment\n',
    2,
    'kind',
    '"Deployment" is not applied, and nothing else is in the text: only ImageStream and ImageStreamImport are applied here',
  ],
]

describe('a YAML document', () => {
  it.each(REFUSED)('with %s is refused with line and path', async (_what, text, line, path, message) => {
    const refused = refusal(domain, text)

    expect(refused.message).toMatch(new RegExp(`^line ${line}: `))
    expect(refused.message).toContain(`line ${line}: ${path}: `)
    expect(refused.message).toContain(message)
    expect(refused.field).toMatch(/^documents\.0\./)
    expect(await domain.streams.count(SYSTEM, {})).toBe(0)
  })

  it('with a cycle of tags is refused at the field of the source', async () => {
    const cycle = yaml(`  tags:
  - name: a
    from: {kind: ImageStreamTag, name: b}
  - name: b
    from:
      kind: ImageStreamTag
      name: a`)

    expect(refusal(domain, cycle)).toMatchObject({
      field: expect.stringMatching(/^documents\.0\.spec\.tags\.[01]\.from\.name$/),
      message: expect.stringMatching(/^line (7|11): spec\.tags\[[01]\]\.from\.name: /),
    })
    expect(await domain.streams.count(SYSTEM, {})).toBe(0)
  })
})

describe('an error in one of several documents', () => {
  const good = imageStream({ lookupPolicy: { local: true } }, { name: 'good' })
  const bad = imageStream({ tags: [tagOf('a', 'a'), tagOf('b', 'a', { reference: 1 })] })

  it('has the number of the document in a list, and nothing is written', async () => {
    const text = JSON.stringify(listOf(good, good, bad), null, 1).replace('"good"', '"other"')

    const line = text.slice(0, text.indexOf('"reference"')).split('\n').length
    expect(refusal(domain, text)).toEqual({
      field: 'documents.2.spec.tags.1.reference',
      message: `document 3 of 3, line ${line}: spec.tags[1].reference: must be true or false, and is the number 1`,
    })
    expect(await domain.streams.count(SYSTEM, {})).toBe(0)
  })

  it('has the number of the document in a series, without empty ones, and the line in the whole text', () => {
    const text = `---\n# nothing\n---\n${JSON.stringify(good)}\n---\n${yaml('  tags: {}')}`

    expect(refusal(domain, text)).toEqual({
      field: 'documents.1.spec.tags',
      message: 'document 2 of 2, line 10: spec.tags: must be a list, and is an object',
    })
  })

  it('undoes the documents before it, also when it needs the database', async () => {
    await domain.create({ spec: {} })
    const from = { kind: 'ImageStreamTag', name: 'none:latest' }
    const alias = imageStream({
      tags: [
        { name: 'a', from, reference: true },
        { name: 'a', from },
      ],
    })
    const before = domain.dump()

    expect(() => apply(domain, listOf(good, alias))).toThrow(/^document 2 of 2, line \d+: /)

    expect(domain.dump()).toEqual(before)
  })

  it.each([
    ['ImageStream', imageStream()],
    [
      'ImageStreamImport',
      {
        ...imageStream({ images: [{ from: { kind: 'DockerImage', name: 'a' } }] }),
        kind: 'ImageStreamImport',
      },
    ],
  ])('is one %s twice', (kind, document) => {
    expect(refusal(domain, listOf(document, good, document)).message).toMatch(
      new RegExp(`^document 3 of 3, line \\d+: metadata.name: document 1 is ${kind} default/ruby too$`),
    )
  })
})
