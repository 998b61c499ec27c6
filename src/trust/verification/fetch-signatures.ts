import { mapBounded } from '../../concurrency/bounded.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { InvalidManifestError, parseManifest } from '../../oci/manifest.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { ArtifactSource } from '../referrer/artifact-source.ts'
import type { Failure } from '../referrer/asking.ts'
import { COSIGN_SIGNATURE, isSigstoreBundle, NOTATION_SIGNATURE, SIGSTORE_BUNDLE } from '../referrer/kind.ts'
import { flawOfSubject, type Referrer } from '../referrer/referrer.ts'
import type { Signature } from '../signature/signature.ts'
import { type Flaw, flaw } from '../signature/verdict.ts'

/** What became of one referrer that should carry signatures. */
export interface FetchedSignatures {
  readonly referrer: Referrer
  readonly signatures: readonly Signature[]
  /** Why it carries none that counts. */
  readonly flaw?: Flaw
  /** Why it, or one of its signatures, could not be read now. */
  readonly failure?: Failure
  /** Whether it has more than were read. */
  readonly isCut?: boolean
}

/** Signatures in one manifest: each push of the same tag adds one to cosign's. */
const MAX_LAYERS = 20
/** Bytes: cosign's payloads have 250, bundles and envelopes 5,000 to 15,000. */
const MAX_PAYLOAD = 16 * 1024
const MAX_BUNDLE = 256 * 1024

const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json'
const SIGNATURE = 'dev.cosignproject.cosign/signature'
const CERTIFICATE = 'dev.sigstore.cosign/certificate'
const LOG_ENTRY = 'dev.sigstore.cosign/bundle'
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp'

/** Whether there may be a signature of the image in it. */
export const maySign = ({ kind, artifactType, isConfirmed }: Referrer): boolean =>
  kind === 'SIGNATURE' || (!isConfirmed && artifactType !== null && isSigstoreBundle(artifactType))

/** Artifact types to look for one by one where there are too many referrers to read them all. */
export const SIGNATURE_TYPES: readonly string[] = [SIGSTORE_BUNDLE, COSIGN_SIGNATURE, NOTATION_SIGNATURE]

/** The signatures in one manifest, fetched. Rejects only with the signal's reason. */
export async function fetchSignatures(
  source: ArtifactSource,
  referrer: Referrer,
  image: Digest,
): Promise<FetchedSignatures> {
  const read = await unlessBroken(() => readSignatures(source, referrer, image))
  return { referrer, signatures: [], ...read }
}

/**
 * What `read` gives, or why it cannot. What is wrong for good is the signature's fault: it must not keep others from being
 * told apart.
 */
async function unlessBroken<Read>(
  read: () => Promise<Read>,
): Promise<Read | { readonly flaw: Flaw } | { readonly failure: Failure }> {
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
  // only cosign's first format has several in one manifest
  const simple = manifest.layers.filter(isSimple)
  const layers = simple.length > 0 ? simple.slice(0, MAX_LAYERS) : manifest.layers.slice(0, 1)
  const found = await mapBounded(layers, 1, (layer) =>
    unlessBroken(async () => ({
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
    ...(signatures.length === 0 && (broken ?? { flaw: flaw('Malformed', 'it has no signature in it') })),
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
