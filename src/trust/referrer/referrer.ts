import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { type Manifest, parseManifest } from '../../oci/manifest.ts'
import type { TagName } from '../../oci/tag.ts'

/** What a referrer is. */
export type ReferrerKind = 'SIGNATURE' | 'ATTESTATION' | 'SBOM' | 'OTHER'

/** Artifact types of signatures: of cosign's and sigstore's bundles, and of notation. */
export const COSIGN_SIGNATURE = 'application/vnd.dev.cosign.artifact.sig.v1+json'
export const NOTATION_SIGNATURE = 'application/vnd.cncf.notary.signature'
export const SIGSTORE_BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
/** Reports whether the media type is that of a sigstore bundle of any version. */
export const isSigstoreBundle = (type: string): boolean =>
  type.startsWith('application/vnd.dev.sigstore.bundle')

/** Predicate type of a bundle that is cosign's signature of the image. */
export const COSIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1'

const ATTESTATIONS = new Set([
  'application/vnd.dev.cosign.artifact.att.v1+json',
  'application/vnd.in-toto+json',
  'application/vnd.dsse.envelope.v1+json',
  'application/vnd.docker.attestation.manifest.v1+json',
])
const SBOM_TYPE =
  /^(?:application\/vnd\.dev\.cosign\.artifact\.sbom\.v1\+json|(?:application|text)\/(?:vnd\.|x-)?(?:spdx|cyclonedx|syft)(?:[+.].*)?)$/
const SBOM_PREDICATE = /^https:\/\/(?:spdx\.dev\/Document|cyclonedx\.org\/bom|syft\.dev\/bom)(?:\/.*)?$/

/** Annotations with the predicate type of an attestation: two of cosign, and one of BuildKit. */
const PREDICATE_ANNOTATIONS = [
  'dev.sigstore.bundle.predicateType',
  'in-toto.io/predicate-type',
  'predicateType',
]

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
export interface ManifestFacts extends Pick<ListedReferrer, 'artifactType' | 'annotations'> {
  readonly subject: Digest | null
  readonly layers: readonly Pick<Descriptor, 'mediaType' | 'annotations'>[]
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
  const artifact = {
    ...listed,
    artifactType: listed.artifactType ?? facts?.artifactType ?? null,
    annotations: { ...facts?.annotations, ...listed.annotations },
    layers: facts?.layers ?? [],
  }
  const predicateTypes = predicateTypesOf(artifact)
  return {
    ...listed,
    artifactType: artifact.artifactType,
    kind: kindOf(artifact, predicateTypes),
    predicateTypes,
    isConfirmed: facts !== undefined,
  }
}

/** What the list of referrers and, once that was read, its manifest contain about an artifact. */
type Artifact = Omit<ListedReferrer, 'facts'> & Pick<ManifestFacts, 'layers'>

/** Returns the predicate types in the annotations, each once, in order. */
function predicateTypesOf({ annotations, layers }: Artifact): string[] {
  const found = [annotations, ...layers.map((layer) => layer.annotations)].flatMap((some) =>
    PREDICATE_ANNOTATIONS.flatMap((key) => (Object.hasOwn(some, key) ? (some[key] ?? []) : [])),
  )
  return [...new Set(found)]
}

function kindOf(
  { artifactType, layers, tag, source }: Artifact,
  predicates: readonly string[],
): ReferrerKind {
  if (tag?.endsWith('.sig')) return 'SIGNATURE'
  if (tag?.endsWith('.sbom')) return 'SBOM'
  const types = [artifactType ?? '', ...layers.map(({ mediaType }) => mediaType)]
  if (artifactType === NOTATION_SIGNATURE || artifactType === COSIGN_SIGNATURE) return 'SIGNATURE'
  if (types.some((type) => SBOM_TYPE.test(type))) return 'SBOM'
  const isAttestation =
    tag?.endsWith('.att') ||
    source === 'INDEX' ||
    types.some((type) => isSigstoreBundle(type) || ATTESTATIONS.has(type))
  if (!isAttestation) return 'OTHER'
  if (types.some(isSigstoreBundle) && (predicates.length === 0 || predicates.includes(COSIGN_PREDICATE))) {
    return 'SIGNATURE'
  }
  return predicates.length > 0 && predicates.every((type) => SBOM_PREDICATE.test(type))
    ? 'SBOM'
    : 'ATTESTATION'
}
