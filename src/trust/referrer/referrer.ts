import type { Digest } from '../../oci/digest.ts'
import { type Manifest, parseManifest } from '../../oci/manifest.ts'
import type { TagName } from '../../oci/tag.ts'
import { kindOf, predicateTypesOf, type ReferrerKind } from './kind.ts'

/** What is attached to an image, as the place where it was found names it. */
export interface FoundReferrer {
  readonly digest: Digest
  readonly mediaType: string
  readonly artifactType: string | null
  /** Bytes of its manifest. */
  readonly size: number
  readonly annotations: Readonly<Record<string, string>>
  /**
   * `API` the registry's list, `TAG` the list that clients keep under a tag, `COSIGN_TAG` one of cosign's own tags,
   * `INDEX` the image itself, which is an index and lists it.
   */
  readonly source: 'API' | 'TAG' | 'COSIGN_TAG' | 'INDEX'
  /** Cosign's tag. */
  readonly tag: TagName | null
  /** There once its manifest was read, in this very repository. */
  readonly facts?: AttachmentFacts
}

/** What its manifest says, once that was read. */
export interface AttachmentFacts {
  readonly artifactType: string | null
  readonly subject: Digest | null
  readonly annotations: Readonly<Record<string, string>>
  readonly layers: readonly {
    readonly mediaType: string
    readonly annotations: Readonly<Record<string, string>>
  }[]
}

/** A referrer with what it is. */
export interface Referrer extends Omit<FoundReferrer, 'facts'> {
  readonly kind: ReferrerKind
  /** Empty for what is no attestation, or does not say. */
  readonly predicateTypes: readonly string[]
  /** Whether its manifest was read: it is there, and about the image. */
  readonly isConfirmed: boolean
}

const MAX_LAYERS = 50

/** Throws InvalidManifestError. */
export function factsOf(bytes: Uint8Array, contentType: string): AttachmentFacts {
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

/** What is kept of annotations of which there can be megabytes. */
const predicatesOnly = (annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(annotations).filter(
      ([key, value]) => /predicate-?type$/i.test(key) && value.length <= MAX_PREDICATE,
    ),
  )

/** What is wrong with it as something about the image; undefined when nothing is. */
export function flawOfSubject(
  { source }: Pick<FoundReferrer, 'source'>,
  { subject }: Pick<AttachmentFacts, 'subject'>,
  image: Digest,
): string | undefined {
  if (subject === image || source === 'INDEX') return undefined
  if (subject !== null) return `is about ${subject}, and not about this image`
  // a tag's name says what cosign's are about; what they sign is verified
  return source === 'COSIGN_TAG' ? undefined : 'does not say what it is about'
}

/** What it is, as far as is known. */
export function describe({ facts, ...found }: FoundReferrer): Referrer {
  const { artifactType = null, layers = [] } = facts ?? {}
  const signs = {
    artifactType: found.artifactType ?? artifactType,
    annotations: { ...facts?.annotations, ...found.annotations },
    layers,
    suffix: found.tag === null ? null : suffixOf(found.tag),
    isBuildAttestation: found.source === 'INDEX',
  }
  return {
    ...found,
    artifactType: signs.artifactType,
    kind: kindOf(signs),
    predicateTypes: predicateTypesOf(signs),
    isConfirmed: facts !== undefined,
  }
}

const suffixOf = (tag: TagName) =>
  (/\.(?:sig|att|sbom)$/.exec(tag)?.[0] ?? null) as '.sig' | '.att' | '.sbom' | null
