import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image } from '../fixtures/random-image.ts'
import { TestDomain, tagName } from '../fixtures/test-domain.ts'
import { apply, applyOne, exported, exportedYaml, imageStream, refusal, tagOf } from './documents.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const POLICY = 'imagestreams/policy'
const UPSTREAM = 'registry.test/ruby'

/** The stream `ruby` with one tag, `stable`, and this policy. */
const withPolicy = (policy: unknown, more: object = {}) =>
  imageStream({
    tags: [
      {
        name: 'stable',
        annotations: { why: 'so', [POLICY]: typeof policy === 'string' ? policy : JSON.stringify(policy) },
        ...more,
      },
    ],
  })

const stored = () => domain.streams.specTag(domain.stream().id, tagName('stable'))

describe('a policy in a document', () => {
  it('is an annotation of the tag, which is stored only as the policy', () => {
    expect(applyOne(domain, withPolicy({ order: 'SEMVER', range: '^3.3' }))).toMatchObject({
      action: 'CREATED',
      warnings: [],
    })

    expect(stored()).toMatchObject({
      policy: '{"order":"SEMVER","range":"^3.3"}',
      annotations: '[{"key":"why","value":"so"}]',
      fromKind: null,
    })
  })

  it('chooses from the tags of its repository, and keeps the source for other servers', () => {
    const filter = { pattern: '^(\\d+\\.\\d+\\.\\d+)-slim$' }
    apply(domain, withPolicy({ order: 'SEMVER', filter }, { from: tagOf('x', UPSTREAM).from }))

    expect(stored()).toMatchObject({ fromKind: 'DockerImage', fromName: UPSTREAM })
    expect(JSON.parse(stored()?.policy ?? '')).toEqual({ order: 'SEMVER', filter })
  })

  it('can choose artifacts', () => {
    apply(domain, withPolicy({ order: 'SEMVER', artifacts: true }))

    expect(stored()?.policy).toBe('{"order":"SEMVER","artifacts":true}')
    expect(refusal(domain, withPolicy({ order: 'SEMVER', artifacts: 'yes' })).message).toContain('artifacts')
  })

  it.each([
    ['JSON', exported],
    ['YAML', exportedYaml],
  ])('is exported in %s as it was applied, and changes nothing when applied again', (_, write) => {
    apply(
      domain,
      withPolicy({ filter: { extract: '$1', pattern: '^v(.*)$' }, lowest: true, order: 'SEMVER' }),
    )
    const before = domain.dump()
    const text = write(domain, 'ruby')

    expect(applyOne(domain, text)).toMatchObject({ action: 'UNCHANGED', diff: '', warnings: [] })
    expect(domain.dump()).toEqual(before)
    expect(JSON.parse(exported(domain, 'ruby')).spec.tags[0].annotations).toEqual({
      why: 'so',
      [POLICY]: '{"order":"SEMVER","lowest":true,"filter":{"pattern":"^v(.*)$","extract":"$1"}}',
    })
  })

  it('is equal to the same policy in another notation', () => {
    apply(domain, withPolicy({ order: 'SEMVER', range: '^3.3' }))

    const again = withPolicy('{ "range": " ^3.3", "lowest": false, "filter": null, "order": "SEMVER" }')
    expect(applyOne(domain, again)).toMatchObject({ action: 'UNCHANGED', diff: '' })
  })

  it('that changes is in the diff as the annotation, and chooses at once', async () => {
    const [old, current] = [image({ seed: 1 }), image({ seed: 2 })]
    domain.remote.push(UPSTREAM, '3.2', old).push(UPSTREAM, '3.3', current)
    await domain.create()
    const document = (range: string) => {
      const { spec } = withPolicy({ order: 'SEMVER', range })
      return imageStream({ ...spec, dockerImageRepository: UPSTREAM })
    }
    apply(domain, document('^3'))
    expect(domain.digests('stable')).toEqual([current.digest])

    expect(applyOne(domain, document('<3.3')).diff).toBe(
      `- spec.tags.stable.annotations["${POLICY}"]: ${JSON.stringify('{"order":"SEMVER","range":"^3"}')}\n` +
        `+ spec.tags.stable.annotations["${POLICY}"]: ${JSON.stringify('{"order":"SEMVER","range":"<3.3"}')}\n`,
    )
    expect(domain.digests('stable')).toEqual([old.digest, current.digest])
  })

  it('that is left out is removed', () => {
    apply(domain, withPolicy({ order: 'NEWEST' }))
    apply(domain, imageStream({ tags: [{ name: 'stable', annotations: { why: 'so' } }] }))

    expect(stored()?.policy).toBeNull()
  })

  it.each<[string, unknown, place: string, message: string]>([
    ['is no JSON', '{order: SEMVER}', '', 'is not JSON'],
    ['is no object', '"SEMVER"', '', 'must be an object'],
    ['is null', 'null', '', 'must be an object'],
    ['has no order', { range: '^1' }, '.order', 'is missing: it must be SEMVER or'],
    ['has an order that there is not', { order: 'DATE' }, '.order', '"DATE" is not allowed'],
    ['has a field of another type', { order: 'SEMVER', lowest: 'yes' }, '.lowest', 'true or false'],
    ['has a range that there is not', { order: 'SEMVER', range: 'x y' }, '.range', 'x y'],
    ['has no pattern', { order: 'SEMVER', filter: {} }, '.filter.pattern', 'is missing'],
    [
      'has a pattern that there is not',
      { order: 'SEMVER', filter: { pattern: '(' } },
      '.filter.pattern',
      '(',
    ],
  ])('is refused where it %s, with line and field', (_, policy, place, message) => {
    const error = refusal(domain, withPolicy(policy))

    expect(error.message).toContain(`spec.tags[0].annotations["${POLICY}"]${place}: `)
    expect(error.message).toMatch(/^line \d+: /)
    expect(error.message).toContain(message)
    expect(error.field).toBe(`documents.0.spec.tags.0.annotations.${POLICY}${place}`)
    expect(domain.streams.byName(SYSTEM, 'default', 'ruby')).toBeUndefined()
  })

  it('with a source without tags to choose from is refused', () => {
    const error = refusal(
      domain,
      withPolicy({ order: 'NEWEST' }, { from: tagOf('x', `${UPSTREAM}:3.3`).from }),
    )

    expect(error).toMatchObject({ field: 'documents.0.spec.tags.0.from.name' })
    expect(error.message).toContain('leave out the tag and digest')
  })

  it('warns of an unknown field', () => {
    expect(applyOne(domain, withPolicy({ order: 'SEMVER', since: 'today' })).warnings).toEqual([
      `spec.tags[0].annotations["${POLICY}"].since: unknown field, not stored`,
    ])
  })
})
