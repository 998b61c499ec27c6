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

/** Properties of an artifact that reveal its kind, from the list of referrers and, once that was read, from its manifest. */
export interface ArtifactProperties {
  readonly artifactType: string | null
  readonly annotations: Readonly<Record<string, string>>
  readonly layers: readonly {
    readonly mediaType: string
    readonly annotations: Readonly<Record<string, string>>
  }[]
  /** Suffix of cosign's tag; null without one. */
  readonly suffix: '.sig' | '.att' | '.sbom' | null
  /** Whether an index lists it as the attestation of one of its images. */
  readonly isBuildAttestation: boolean
}

/** Returns the predicate types in the annotations, each once, in order. */
export function predicateTypesOf({
  annotations,
  layers,
}: Pick<ArtifactProperties, 'annotations' | 'layers'>): string[] {
  const found = [annotations, ...layers.map((layer) => layer.annotations)].flatMap((some) =>
    PREDICATE_ANNOTATIONS.flatMap((key) => (Object.hasOwn(some, key) ? (some[key] ?? []) : [])),
  )
  return [...new Set(found)]
}

/** Returns the kind of an artifact. */
export function kindOf(properties: ArtifactProperties): ReferrerKind {
  const { artifactType, layers, suffix, isBuildAttestation } = properties
  if (suffix === '.sig') return 'SIGNATURE'
  if (suffix === '.sbom') return 'SBOM'
  const types = [artifactType ?? '', ...layers.map(({ mediaType }) => mediaType)]
  if (artifactType === NOTATION_SIGNATURE || artifactType === COSIGN_SIGNATURE) return 'SIGNATURE'
  if (types.some((type) => SBOM_TYPE.test(type))) return 'SBOM'
  const predicates = predicateTypesOf(properties)
  const isAttestation =
    suffix === '.att' ||
    isBuildAttestation ||
    types.some((type) => isSigstoreBundle(type) || ATTESTATIONS.has(type))
  if (!isAttestation) return 'OTHER'
  if (types.some(isSigstoreBundle) && (predicates.length === 0 || predicates.includes(COSIGN_PREDICATE))) {
    return 'SIGNATURE'
  }
  return predicates.length > 0 && predicates.every((type) => SBOM_PREDICATE.test(type))
    ? 'SBOM'
    : 'ATTESTATION'
}
