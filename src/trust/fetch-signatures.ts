import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { InvalidManifestError, parseManifest } from '../oci/manifest.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { ArtifactSource } from './artifact-source.ts'
import type { Failure } from './asking.ts'
import { COSIGN_SIGNATURE, isSigstoreBundle, NOTATION_SIGNATURE } from './kind.ts'
import { flawOfSubject, type Referrer } from './referrer.ts'
import type { Signature } from './signature.ts'
import { type Flaw, flaw } from './verdict.ts'

/** What became of one referrer that should carry signatures. */
export interface FetchedSignatures {
  readonly referrer: Referrer
  readonly signatures: readonly Signature[]
  /** Why it carries none that counts. */
  readonly flaw?: Flaw
  /** Why it could not be read now. */
  readonly failure?: Failure
}

/** Signatures in one manifest: each push of the same tag adds one to cosign's. */
const MAX_LAYERS = 20
/** Bytes. */
const MAX_PAYLOAD = 64 * 1024
const MAX_BUNDLE = 1024 * 1024

const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json'
const SIGNATURE = 'dev.cosignproject.cosign/signature'
const CERTIFICATE = 'dev.sigstore.cosign/certificate'
const LOG_ENTRY = 'dev.sigstore.cosign/bundle'
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp'

/** Whether there may be a signature of the image in it. */
export const maySign = ({ kind, artifactType, isConfirmed }: Referrer): boolean =>
  kind === 'SIGNATURE' || (!isConfirmed && artifactType !== null && isSigstoreBundle(artifactType))

/** Artifact types to look for one by one where there are too many referrers to read them all. */
export const SIGNATURE_TYPES: readonly string[] = [
  'application/vnd.dev.sigstore.bundle.v0.3+json',
  COSIGN_SIGNATURE,
  NOTATION_SIGNATURE,
]

/** The signatures in one manifest, fetched. Rejects only with the signal's reason. */
export async function fetchSignatures(
  source: ArtifactSource,
  referrer: Referrer,
  image: Digest,
): Promise<FetchedSignatures> {
  try {
    return { referrer, ...(await readSignatures(source, referrer, image)) }
  } catch (error) {
    if (error instanceof InvalidManifestError) return broken(referrer, error.message)
    if (!(error instanceof RegistryError)) throw error
    const { reason, message } = error
    // what is wrong for good is the signature's fault: it must not keep others from being told apart
    if (reason === 'NotFound' || reason === 'InvalidManifest') return broken(referrer, message)
    return { referrer, signatures: [], failure: { reason, message } }
  }
}

const broken = (referrer: Referrer, message: string): FetchedSignatures => ({
  referrer,
  signatures: [],
  flaw: flaw('Malformed', message),
})

async function readSignatures(
  source: ArtifactSource,
  referrer: Referrer,
  image: Digest,
): Promise<Pick<FetchedSignatures, 'signatures' | 'flaw'>> {
  const { bytes, contentType } = await source.fetchManifest(referrer.digest)
  const manifest = parseManifest(bytes, contentType)
  const ofAnother = flawOfSubject(referrer, { subject: manifest.subject?.digest ?? null }, image)
  if (ofAnother) return { signatures: [], flaw: flaw('WrongDigest', `it ${ofAnother}`) }
  if (manifest.kind === 'index') return { signatures: [], flaw: flaw('Malformed', 'it is an index') }
  const layers = manifest.layers.slice(0, MAX_LAYERS)
  const isNotation =
    referrer.artifactType === NOTATION_SIGNATURE || manifest.config.mediaType === NOTATION_SIGNATURE
  const found = await Promise.all(
    layers.map((layer) => readLayer(source, layer, { manifest: referrer.digest, isNotation })),
  )
  const signatures = found.flat()
  return signatures.length > 0
    ? { signatures }
    : { signatures, flaw: flaw('Malformed', 'it has no signature in it') }
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
