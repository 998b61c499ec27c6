/** What is attached to an image. */
export type ReferrerKind = 'SIGNATURE' | 'ATTESTATION' | 'SBOM' | 'OTHER'

/** Artifact types of signatures: by cosign in a bundle of its own and in sigstore's, and by notation. */
export const COSIGN_SIGNATURE = 'application/vnd.dev.cosign.artifact.sig.v1+json'
export const NOTATION_SIGNATURE = 'application/vnd.cncf.notary.signature'
export const SIGSTORE_BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
/** A sigstore bundle of any version. */
export const isSigstoreBundle = (type: string): boolean =>
  type.startsWith('application/vnd.dev.sigstore.bundle')

/** The predicate of a bundle that only says "this image": cosign's signature. */
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

/** Where the predicate types of what is attested are written: by cosign in two ways, and by BuildKit. */
const PREDICATE_ANNOTATIONS = [
  'dev.sigstore.bundle.predicateType',
  'in-toto.io/predicate-type',
  'predicateType',
]

/** What an artifact says of itself: in the list that names it, and in its own manifest once that was read. */
export interface Signs {
  readonly artifactType: string | null
  readonly annotations: Readonly<Record<string, string>>
  /** Media types and annotations of its layers. */
  readonly layers: readonly {
    readonly mediaType: string
    readonly annotations: Readonly<Record<string, string>>
  }[]
  /** What cosign's old tags say by their name. */
  readonly suffix: '.sig' | '.att' | '.sbom' | null
  /** Whether an index lists it as the attestation of one of its images. */
  readonly isBuildAttestation: boolean
}

/** Predicate types that it tells of, each once, in order. */
export function predicateTypesOf({ annotations, layers }: Pick<Signs, 'annotations' | 'layers'>): string[] {
  const told = [annotations, ...layers.map((layer) => layer.annotations)].flatMap((some) =>
    PREDICATE_ANNOTATIONS.flatMap((key) => (Object.hasOwn(some, key) ? (some[key] ?? []) : [])),
  )
  return [...new Set(told)]
}

/** What it is, as far as it says. */
export function kindOf(signs: Signs): ReferrerKind {
  const { artifactType, layers, suffix, isBuildAttestation } = signs
  if (suffix === '.sig') return 'SIGNATURE'
  if (suffix === '.sbom') return 'SBOM'
  const types = [artifactType ?? '', ...layers.map(({ mediaType }) => mediaType)]
  if (artifactType === NOTATION_SIGNATURE || artifactType === COSIGN_SIGNATURE) return 'SIGNATURE'
  if (types.some((type) => SBOM_TYPE.test(type))) return 'SBOM'
  const predicates = predicateTypesOf(signs)
  const isAttested =
    suffix === '.att' ||
    isBuildAttestation ||
    types.some((type) => isSigstoreBundle(type) || ATTESTATIONS.has(type))
  if (!isAttested) return 'OTHER'
  if (types.some(isSigstoreBundle) && (predicates.length === 0 || predicates.includes(COSIGN_PREDICATE))) {
    return 'SIGNATURE'
  }
  return predicates.length > 0 && predicates.every((type) => SBOM_PREDICATE.test(type))
    ? 'SBOM'
    : 'ATTESTATION'
}
