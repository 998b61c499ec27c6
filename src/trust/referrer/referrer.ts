import type { Digest } from '../../oci/digest.ts'
import { type Manifest, parseManifest } from '../../oci/manifest.ts'
import type { TagName } from '../../oci/tag.ts'
import { type ArtifactProperties, kindOf, predicateTypesOf, type ReferrerKind } from './referrer-kind.ts'

/** A referrer of an image, as the place where it was found describes it. */
export interface ListedReferrer {
  readonly digest: Digest
  readonly mediaType: string
  readonly artifactType: string | null
  /** Bytes of its manifest. */
  readonly size: number
  readonly annotations: Readonly<Record<string, string>>
  /**
   * `API` the referrers API, `TAG` the index that clients maintain under a tag, `COSIGN_TAG` one of cosign's tags, `INDEX`
   * the image itself, an index that lists it.
   */
  readonly source: 'API' | 'TAG' | 'COSIGN_TAG' | 'INDEX'
  /** Cosign's tag; null for other sources. */
  readonly tag: TagName | null
  /** Set once its manifest was read in this repository. */
  readonly facts?: ManifestFacts
}

/** Fields of a referrer's manifest. */
export interface ManifestFacts extends Pick<ArtifactProperties, 'artifactType' | 'annotations' | 'layers'> {
  readonly subject: Digest | null
}

/** A referrer of an image. */
export interface Referrer extends Omit<ListedReferrer, 'facts'> {
  readonly kind: ReferrerKind
  /** Empty for artifacts that are not attestations, or do not name one. */
  readonly predicateTypes: readonly string[]
  /** Whether its manifest was read: it exists and refers to the image. */
  readonly isConfirmed: boolean
}

const MAX_LAYERS = 50

/** Returns the facts in a manifest. Throws InvalidManifestError. */
export function factsOf(bytes: Uint8Array, contentType: string): ManifestFacts {
  const manifest: Manifest = parseManifest(bytes, contentType)
  const layers = manifest.kind === 'image' ? manifest.layers.slice(0, MAX_LAYERS) : []
  return {
    artifactType: manifest.artifactType,
    subject: manifest.subject?.digest ?? null,
    annotations: predicatesOnly(manifest.annotations),
    layers: layers.map(({ mediaType, annotations }) => ({
      mediaType: mediaType.slice(0, 255),
      annotations: predicatesOnly(annotations),
    })),
  }
}

const MAX_PREDICATE = 1000

/** Annotations can have megabytes: only predicate types are stored. */
const predicatesOnly = (annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(annotations).filter(
      ([key, value]) => /predicate-?type$/i.test(key) && value.length <= MAX_PREDICATE,
    ),
  )

/** Returns why an artifact is not a referrer of the image; undefined when it is one. */
export function flawOfSubject(
  { source }: Pick<ListedReferrer, 'source'>,
  { subject }: Pick<ManifestFacts, 'subject'>,
  image: Digest,
): string | undefined {
  if (subject === image || source === 'INDEX') return undefined
  if (subject !== null) return `refers to ${subject}, not to this image`
  // the name of cosign's tag has the digest of the image; verification checks what is signed
  return source === 'COSIGN_TAG' ? undefined : 'refers to no image'
}

/** Returns the referrer with its kind. */
export function describe({ facts, ...listed }: ListedReferrer): Referrer {
  const { artifactType = null, layers = [] } = facts ?? {}
  const properties = {
    artifactType: listed.artifactType ?? artifactType,
    annotations: { ...facts?.annotations, ...listed.annotations },
    layers,
    suffix: listed.tag === null ? null : suffixOf(listed.tag),
    isBuildAttestation: listed.source === 'INDEX',
  }
  return {
    ...listed,
    artifactType: properties.artifactType,
    kind: kindOf(properties),
    predicateTypes: predicateTypesOf(properties),
    isConfirmed: facts !== undefined,
  }
}

const suffixOf = (tag: TagName) =>
  (/\.(?:sig|att|sbom)$/.exec(tag)?.[0] ?? null) as ArtifactProperties['suffix']
