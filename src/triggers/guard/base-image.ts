import { digestOf, isDigest } from '../../oci/digest.ts'
import {
  formatReference,
  InvalidReferenceError,
  parseReference,
  type Reference,
} from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'

/** How one image is known to be the base of another, the most reliable first. */
export const BASE_EVIDENCE = ['ANNOTATION_DIGEST', 'ANNOTATION_NAME', 'LAYERS'] as const
export type BaseEvidence = (typeof BASE_EVIDENCE)[number]

/**
 * What an image has in common with the images that are based on it, as text: `ANNOTATION_DIGEST sha256:…`. An image is based on
 * another one if a key of its own is one that the other one gives.
 */
export type BaseKey = `${BaseEvidence} ${string}`

type Annotations = Readonly<Record<string, string>>

/** An image of one platform. */
export interface PlatformContent {
  /** `linux/amd64`, in one spelling; empty for an image that names none. */
  readonly platform: string
  /** Annotations of its manifest, and of its entry in an index. */
  readonly annotations: Annotations
  /** Labels of its config. An image inherits those of its base, also the ones that name the base of the base. */
  readonly labels: Annotations
  /** Digests of the uncompressed layers, the lowest first. */
  readonly diffIds: readonly string[]
}

/** An image, or the images of an index. */
export interface ImageContent {
  /** Annotations of the index; none for an image. */
  readonly annotations: Annotations
  readonly platforms: readonly PlatformContent[]
}

/** Source: OCI image-spec, annotations.md. */
const BASE_DIGEST = 'org.opencontainers.image.base.digest'
const BASE_NAME = 'org.opencontainers.image.base.name'
/** Layers of an image that are read: no runtime runs an image with more. */
const MAX_LAYERS = 127
const MAX_PLATFORMS = 64
/** Keys of one image: the images of an index have the same annotations, and seldom 20 layers. */
const MAX_KEYS = 1_000
const MAX_NAME_LENGTH = 512

/**
 * Returns the keys of the images on which an image is based. An annotation with a digest names the base exactly; without one
 * each image is a base whose layers are the first layers of this image.
 */
export function keysOfBases({ annotations, platforms }: ImageContent): readonly BaseKey[] {
  const keys = platforms.slice(0, MAX_PLATFORMS).flatMap((image): BaseKey[] => {
    const annotated = annotatedKeys({ ...annotations, ...image.annotations })
    if (annotated.some((key) => evidenceOf(key) === 'ANNOTATION_DIGEST')) return annotated
    // the last key of layers is that of the image itself
    return [...annotated, ...annotatedKeys(image.labels), ...layerKeys(image).slice(0, -1)]
  })
  return [...new Set(keys)].slice(0, MAX_KEYS)
}

/** What is known about an image that a tag points to. */
export interface BaseImage extends Pick<ImageContent, 'platforms'> {
  /** Digests of the image, of its children and of the indexes that it came with. */
  readonly digests: readonly string[]
  /** References by tag, with their defaults, under which the image is the one to pull. */
  readonly names: readonly string[]
}

/** Returns the keys that images based on this one have. */
export const keysAsBase = ({ digests, names, platforms }: BaseImage): readonly BaseKey[] => [
  ...digests.map((digest): BaseKey => `ANNOTATION_DIGEST ${digest}`),
  ...names.map((name): BaseKey => `ANNOTATION_NAME ${name}`),
  ...platforms.slice(0, MAX_PLATFORMS).flatMap((image) => layerKeys(image).slice(-1)),
]

/** Returns the evidence of a key. */
export const evidenceOf = (key: string): BaseEvidence => {
  const evidence = BASE_EVIDENCE.find((one) => key.startsWith(`${one} `))
  if (!evidence) throw new TypeError(`not a key of a base image: ${key}`)
  return evidence
}

function annotatedKeys({ [BASE_DIGEST]: digest, [BASE_NAME]: name }: Annotations): BaseKey[] {
  const keys: BaseKey[] = []
  if (isDigest(digest)) keys.push(`ANNOTATION_DIGEST ${digest}`)
  const reference = name === undefined ? undefined : referenceOf(name)
  if (reference?.tag) keys.push(`ANNOTATION_NAME ${nameOf(reference, reference.tag)}`)
  if (reference?.digest && !keys.length) keys.push(`ANNOTATION_DIGEST ${reference.digest}`)
  return keys
}

/** Returns a reference by tag in one spelling, for `names` of a base image. */
export const nameOf = (
  { registry, repository }: Pick<Reference, 'registry' | 'repository'>,
  tag: TagName,
): string => formatReference({ registry: registry.toLowerCase(), repository, tag, digest: null })

/** Returns the reference; undefined for a text that is none. */
function referenceOf(text: string): Reference | undefined {
  if (text.length > MAX_NAME_LENGTH) return undefined
  try {
    return parseReference(text)
  } catch (error) {
    if (error instanceof InvalidReferenceError) return undefined
    throw error
  }
}

/**
 * Returns a key for the first layer, for the first two, and so on: the chain ids of OCI, which depend on all layers up to one.
 * None for an image with more layers than can be run, or that names them wrongly. Source: OCI image-spec, config.md, layer chain id.
 */
function layerKeys({ platform, diffIds }: PlatformContent): BaseKey[] {
  if (diffIds.length > MAX_LAYERS || !diffIds.every(isDigest)) return []
  let chain = ''
  return diffIds.map((diffId): BaseKey => {
    chain = chain === '' ? diffId : digestOf(`${chain} ${diffId}`)
    return `LAYERS ${platform} ${chain}`
  })
}
