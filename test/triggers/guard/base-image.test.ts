import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../../../src/oci/digest.ts'
import {
  BASE_EVIDENCE,
  type BaseEvidence,
  type BaseImage,
  evidenceOf,
  type ImageContent,
  keysAsBase,
  keysOfBases,
  type PlatformContent,
} from '../../../src/triggers/guard/base-image.ts'

/** Returns how the image is known to be based on the other one: the most reliable evidence; null without any. */
function evidenceOfBase(image: ImageContent, base: BaseImage): BaseEvidence | null {
  const given = new Set(keysAsBase(base))
  const found = new Set(
    keysOfBases(image)
      .filter((key) => given.has(key))
      .map(evidenceOf),
  )
  return BASE_EVIDENCE.find((evidence) => found.has(evidence)) ?? null
}

const DIGEST = 'org.opencontainers.image.base.digest'
const NAME = 'org.opencontainers.image.base.name'
const RUBY = digestOf('ruby')
const RUBY_INDEX = digestOf('index of ruby')
const layers = (...names: readonly string[]) => names.map((name) => digestOf(name))
const content = (change: Partial<PlatformContent> = {}): PlatformContent => ({
  platform: 'linux/amd64',
  annotations: {},
  labels: {},
  diffIds: [],
  ...change,
})
const image = (change: Partial<PlatformContent>): ImageContent => ({
  annotations: {},
  platforms: [content(change)],
})

const ruby: BaseImage = {
  digests: [RUBY, RUBY_INDEX],
  names: ['docker.io/library/ruby:3.3'],
  platforms: [content({ diffIds: layers('debian', 'ruby') })],
}

describe('an image is based on another one', () => {
  it.each<[string, Partial<PlatformContent>, string | null]>([
    ['whose digest an annotation has', { annotations: { [DIGEST]: RUBY } }, 'ANNOTATION_DIGEST'],
    [
      'of whose index an annotation has the digest',
      { annotations: { [DIGEST]: RUBY_INDEX } },
      'ANNOTATION_DIGEST',
    ],
    ['whose digest a label has', { labels: { [DIGEST]: RUBY } }, 'ANNOTATION_DIGEST'],
    [
      'to whose tag an annotation points',
      { annotations: { [NAME]: 'docker.io/library/ruby:3.3' } },
      'ANNOTATION_NAME',
    ],
    [
      'to whose tag an annotation points in short',
      { annotations: { [NAME]: 'ruby:3.3' } },
      'ANNOTATION_NAME',
    ],
    [
      'to whose tag a label points by another name of the registry',
      { labels: { [NAME]: 'index.docker.io/library/ruby:3.3' } },
      'ANNOTATION_NAME',
    ],
    [
      'that an annotation names by tag and digest',
      { annotations: { [NAME]: `ruby:3.3@${RUBY}` } },
      'ANNOTATION_NAME',
    ],
    [
      'that an annotation names by digest alone',
      { annotations: { [NAME]: `ruby@${RUBY}` } },
      'ANNOTATION_DIGEST',
    ],
    ['whose layers are its first layers', { diffIds: layers('debian', 'ruby', 'app') }, 'LAYERS'],
    [
      'by the most reliable evidence',
      { labels: { [NAME]: 'ruby:3.3' }, diffIds: layers('debian', 'ruby', 'app') },
      'ANNOTATION_NAME',
    ],
  ])('%s', (_, change, evidence) => {
    expect(evidenceOfBase(image(change), ruby)).toBe(evidence)
  })

  it('on any of its platforms', () => {
    const arm = content({ platform: 'linux/arm64', diffIds: layers('arm', 'app') })
    const amd = content({ diffIds: layers('debian', 'ruby', 'app') })

    expect(evidenceOfBase({ annotations: {}, platforms: [arm, amd] }, ruby)).toBe('LAYERS')
    expect(evidenceOfBase({ annotations: { [NAME]: 'ruby:3.3' }, platforms: [arm] }, ruby)).toBe(
      'ANNOTATION_NAME',
    )
  })
})

describe('an image is not based on another one', () => {
  it.each<[string, Partial<PlatformContent>]>([
    ['of which it is a copy', { diffIds: layers('debian', 'ruby') }],
    ['of which it has only some layers', { diffIds: layers('debian', 'app') }],
    ['that has its layers at another place', { diffIds: layers('app', 'debian', 'ruby') }],
    ['with the same layers in another order', { diffIds: layers('ruby', 'debian', 'app') }],
    ['of another platform', { platform: 'linux/arm64', diffIds: layers('debian', 'ruby', 'app') }],
    [
      'when its annotation has another digest, whatever its layers are',
      { annotations: { [DIGEST]: digestOf('other') }, diffIds: layers('debian', 'ruby', 'app') },
    ],
    ['with another tag', { annotations: { [NAME]: 'ruby:3.4' } }],
    ['of the same name elsewhere', { annotations: { [NAME]: 'quay.io/library/ruby:3.3' } }],
    [
      'with an annotation that is no digest and no name',
      { annotations: { [DIGEST]: 'sha256:abc', [NAME]: 'no reference!' } },
    ],
    ['without layers', { diffIds: [] }],
  ])('%s', (_, change) => {
    expect(evidenceOfBase(image(change), ruby)).toBeNull()
  })

  it('because it inherits a label that names the base of its base', () => {
    const debian = {
      digests: [digestOf('debian')],
      names: [],
      platforms: [content({ diffIds: layers('debian') })],
    }
    const app = image({ labels: { [DIGEST]: digestOf('debian') }, diffIds: layers('debian', 'ruby', 'app') })

    expect(evidenceOfBase(app, debian), 'it is, by both').toBe('ANNOTATION_DIGEST')
    expect(evidenceOfBase(app, ruby), 'the label hides no layers').toBe('LAYERS')
  })

  it('that has no layers at all, as scratch', () => {
    const scratch = { digests: [], names: [], platforms: [content()] }
    expect(evidenceOfBase(image({ diffIds: layers('app') }), scratch)).toBeNull()
  })
})

describe('layers', () => {
  it('are compared as chains: one is the base of another exactly when it is a proper prefix', () => {
    const chain = fc.array(fc.constantFrom(...layers('a', 'b', 'c')), { maxLength: 6 })
    fc.assert(
      fc.property(chain, chain, (base, derived) => {
        const isPrefix =
          base.length > 0 &&
          base.length < derived.length &&
          base.every((diffId, at) => diffId === derived[at])
        const asBase = { digests: [], names: [], platforms: [content({ diffIds: base })] }

        expect(evidenceOfBase(image({ diffIds: derived }), asBase)).toBe(isPrefix ? 'LAYERS' : null)
      }),
      { seed: 15, numRuns: 1_000 },
    )
  })

  it('have the chain ids of the standard', () => {
    const [first, second] = layers('debian', 'ruby')
    expect(keysOfBases(image({ diffIds: layers('debian', 'ruby', 'app') }))).toEqual([
      `LAYERS linux/amd64 ${first}`,
      `LAYERS linux/amd64 ${digestOf(`${first} ${second}`)}`,
    ])
  })

  it('of an image that no runtime runs are not read', () => {
    const many = Array.from({ length: 128 }, (_, at) => digestOf(String(at)))
    const wrong = image({ diffIds: [...layers('debian', 'ruby'), 'x'.repeat(1_000_000)] })

    expect(keysOfBases(image({ diffIds: many }))).toEqual([])
    expect(keysOfBases(image({ diffIds: many.slice(1) }))).toHaveLength(126)
    expect(evidenceOfBase(wrong, ruby)).toBeNull()
  })

  it('of an index with very many images are bounded', () => {
    const diffIds = Array.from({ length: 127 }, (_, at) => digestOf(String(at)))
    const platforms = Array.from({ length: 1_000 }, (_, at) => content({ platform: `linux/p${at}`, diffIds }))

    expect(keysOfBases({ annotations: {}, platforms })).toHaveLength(1_000)
    expect(keysAsBase({ digests: [], names: [], platforms })).toHaveLength(64)
  })
})
