import { mapBounded } from '../../concurrency/bounded.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { InvalidManifestError, parseManifest } from '../../oci/manifest.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { ArtifactSource, ReadFailure } from '../referrer/artifact-reader.ts'
import {
  COSIGN_SIGNATURE,
  flawOfSubject,
  isSigstoreBundle,
  NOTATION_SIGNATURE,
  type Referrer,
  SIGSTORE_BUNDLE,
} from '../referrer/referrer.ts'
import type { Signature } from '../signature/signature.ts'
import { type Flaw, flaw } from '../signature/verdict.ts'

/** The signatures in one referrer. */
export interface FetchedSignatures {
  readonly referrer: Referrer
  readonly signatures: readonly Signature[]
  /** Why it contains no readable signature. */
  readonly flaw?: Flaw
  /** Why it, or one of its signatures, could not be read now. */
  readonly failure?: ReadFailure
  /** Whether it contains more signatures than were read. */
  readonly isCut?: boolean
}

/** Signatures that are read from one manifest: each `cosign sign` adds one. */
const MAX_LAYERS = 20
/** Bytes. Cosign's payloads have 250, bundles and envelopes 5,000 to 15,000. */
const MAX_PAYLOAD = 16 * 1024
const MAX_BUNDLE = 256 * 1024

const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json'
const SIGNATURE = 'dev.cosignproject.cosign/signature'
const CERTIFICATE = 'dev.sigstore.cosign/certificate'
const LOG_ENTRY = 'dev.sigstore.cosign/bundle'
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp'

/** Reports whether the referrer may contain a signature of the image. */
export const maySign = ({ kind, artifactType, isConfirmed }: Referrer): boolean =>
  kind === 'SIGNATURE' || (!isConfirmed && artifactType !== null && isSigstoreBundle(artifactType))

/** Artifact types to list one by one where an image has too many referrers to read them all. */
export const SIGNATURE_TYPES: readonly string[] = [SIGSTORE_BUNDLE, COSIGN_SIGNATURE, NOTATION_SIGNATURE]

/** Fetches the signatures in one manifest. Rejects only with the signal's reason. */
export async function fetchSignatures(
  source: ArtifactSource,
  referrer: Referrer,
  image: Digest,
): Promise<FetchedSignatures> {
  const read = await orFlaw(() => readSignatures(source, referrer, image))
  return { referrer, signatures: [], ...read }
}

/**
 * Resolves to the result of `read`, or to why it failed. A permanent failure is a flaw of the signature, so that it does
 * not leave the verification of the image UNKNOWN.
 */
async function orFlaw<Read>(
  read: () => Promise<Read>,
): Promise<Read | { readonly flaw: Flaw } | { readonly failure: ReadFailure }> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof InvalidManifestError) return { flaw: flaw('Malformed', error.message) }
    if (!(error instanceof RegistryError)) throw error
    const { reason, message } = error
    return reason === 'NotFound' || reason === 'InvalidManifest'
      ? { flaw: flaw('Malformed', message) }
      : { failure: { reason, message } }
  }
}

async function readSignatures(
  source: ArtifactSource,
  referrer: Referrer,
  image: Digest,
): Promise<Omit<FetchedSignatures, 'referrer'>> {
  const { bytes, contentType } = await source.fetchManifest(referrer.digest)
  const manifest = parseManifest(bytes, contentType)
  const ofAnother = flawOfSubject(referrer, { subject: manifest.subject?.digest ?? null }, image)
  if (ofAnother) return { signatures: [], flaw: flaw('WrongDigest', `it ${ofAnother}`) }
  if (manifest.kind === 'index') return { signatures: [], flaw: flaw('Malformed', 'it is an index') }
  const isNotation =
    referrer.artifactType === NOTATION_SIGNATURE || manifest.config.mediaType === NOTATION_SIGNATURE
  const isSimple = ({ mediaType }: Descriptor): boolean => !isNotation && mediaType === SIMPLE_SIGNING
  // only cosign's first format has several signatures in one manifest
  const simple = manifest.layers.filter(isSimple)
  const layers = simple.length > 0 ? simple.slice(0, MAX_LAYERS) : manifest.layers.slice(0, 1)
  const found = await mapBounded(layers, 1, (layer) =>
    orFlaw(async () => ({
      signatures: await readLayer(source, layer, { manifest: referrer.digest, isNotation }),
    })),
  )
  const signatures = found.flatMap((one) => ('signatures' in one ? one.signatures : []))
  const failed = found.find((one) => 'failure' in one)
  const broken = found.find((one) => 'flaw' in one)
  return {
    signatures,
    isCut: simple.length > MAX_LAYERS,
    ...failed,
    ...(signatures.length === 0 && (broken ?? { flaw: flaw('Malformed', 'it contains no signature') })),
  }
}

async function readLayer(
  source: ArtifactSource,
  layer: Descriptor,
  { manifest, isNotation }: { readonly manifest: Digest; readonly isNotation: boolean },
): Promise<readonly Signature[]> {
  const { mediaType, annotations } = layer
  const annotation = (key: string): string | null =>
    Object.hasOwn(annotations, key) ? (annotations[key] ?? null) : null
  if (isNotation) {
    const envelope = await source.fetchAttachment(layer, MAX_BUNDLE)
    return [{ format: 'NOTATION', manifest, mediaType, envelope }]
  }
  if (isSigstoreBundle(mediaType)) {
    return [{ format: 'SIGSTORE', manifest, bundle: await source.fetchAttachment(layer, MAX_BUNDLE) }]
  }
  if (mediaType !== SIMPLE_SIGNING) return []
  return [
    {
      format: 'COSIGN',
      manifest,
      payload: await source.fetchAttachment(layer, MAX_PAYLOAD),
      signature: annotation(SIGNATURE) ?? '',
      certificate: annotation(CERTIFICATE),
      logEntry: annotation(LOG_ENTRY),
      timestamp: annotation(TIMESTAMP),
    },
  ]
}
