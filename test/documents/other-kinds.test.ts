import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { TestDomain } from '../fixtures/test-domain.ts'
import { applyMixed, imageStream, listOf, refusal } from './documents.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const object = (kind: string, apiVersion = 'image.openshift.io/v1', name = 'web') => ({
  apiVersion,
  kind,
  metadata: { name },
})
const deployment = object('Deployment', 'apps/v1')

/** Applies a document beside an image stream. Returns the message of the skipped one. */
function skipped(document: object): string | undefined {
  const { results, skipped } = applyMixed(domain, listOf(document, imageStream()))
  expect(results).toHaveLength(1)
  expect(skipped).toHaveLength(1)
  return skipped[0]?.message
}

describe('a file of several kinds', () => {
  it('applies its image streams, and names each skipped document with its number', () => {
    const text = [stringify(deployment), stringify(imageStream()), stringify(object('Service', 'v1', 'db'))]

    const { results, skipped } = applyMixed(domain, text.join('---\n'))

    expect(results).toMatchObject([{ name: 'ruby', action: 'CREATED' }])
    const message = 'only ImageStream and ImageStreamImport are applied here: apply it to the cluster'
    expect(skipped).toEqual([
      { kind: 'Deployment', name: 'web', position: 1, message },
      { kind: 'Service', name: 'db', position: 3, message },
    ])
  })

  it('may be a list with mixed kinds, also inside another list', () => {
    const inner = listOf(object('Route', 'route.openshift.io/v1'), imageStream({}, { name: 'inner' }))

    const { results, skipped } = applyMixed(domain, listOf(deployment, inner, imageStream()))

    expect(results.map(({ name }) => name)).toEqual(['inner', 'ruby'])
    expect(skipped.map(({ kind, position }) => [kind, position])).toEqual([
      ['Deployment', 1],
      ['Route', 2],
    ])
  })

  it('has errors with the number of the document among all', () => {
    expect(refusal(domain, listOf(deployment, imageStream({ tags: 1 })))).toMatchObject({
      field: 'documents.1.spec.tags',
      message: expect.stringMatching(/^document 2 of 2, /),
    })
  })

  it('with nothing to apply is INVALID', () => {
    expect(refusal(domain, listOf(deployment, object('Service', 'v1')))).toEqual({
      field: 'documents.1.kind',
      message: expect.stringContaining('"Service" is not applied, and nothing else is in the text'),
    })
  })

  it('with lists nested deeper than four is INVALID', () => {
    const nested = (depth: number): object => (depth === 0 ? imageStream() : listOf(nested(depth - 1)))

    expect(applyMixed(domain, nested(4)).results).toHaveLength(1)
    expect(refusal(domain, nested(5)).message).toContain('lists are nested more than 4 deep')
  })
})

describe('the message of a skipped document', () => {
  it.each([
    ['ImageStreamTag', 'tagImage sets one tag'],
    ['ImageStreamTagList', 'tagImage sets one tag'],
    ['ImageTag', 'tagImage sets one tag'],
    ['ImageStreamImage', 'a tag points to an image by its digest'],
    ['ImageStreamMapping', 'importImage, mirrorImage or a push'],
    ['Image', 'importImage, mirrorImage or a push'],
    ['ImageSignature', 'push the signature'],
  ])('says what to use in place of %s', (kind, message) => {
    expect(skipped(object(kind))).toContain(message)
  })

  it('says how to apply the objects of a template', () => {
    const template = { ...object('Template', 'template.openshift.io/v1'), objects: [imageStream()] }

    expect(skipped(template)).toContain('oc process --local')
  })

  it('corrects the case of a kind', () => {
    expect(skipped(object('Imagestream'))).toBe('kinds are case-sensitive: write ImageStream')
  })

  it('does not take a kind of another API group for one of OpenShift', () => {
    expect(skipped(object('Image', 'kpack.io/v1alpha2'))).toContain('apply it to the cluster')
  })
})

it('a skipped document may have any content, and no name', () => {
  const { skipped } = applyMixed(domain, listOf({ kind: 'Secret', data: '\u0007' }, imageStream()))

  expect(skipped).toMatchObject([{ kind: 'Secret', name: null, position: 1 }])
})
