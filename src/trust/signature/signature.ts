import type { Digest } from '../../oci/digest.ts'

/** A signature as it was fetched. Only the digests of its bytes are verified. */
export type Signature = SimpleSigning | SigstoreBundle | NotationEnvelope

interface FetchedSignature {
  /** Digest of the manifest that contains it. */
  readonly manifest: Digest
}

/** Cosign's first format: a payload, and annotations of its layer. Source: cosign, SIGNATURE_SPEC.md. */
export interface SimpleSigning extends FetchedSignature {
  readonly format: 'COSIGN'
  readonly payload: Uint8Array
  /** Base64. */
  readonly signature: string
  /** PEM of the certificate of a keyless signature; null without one. */
  readonly certificate: string | null
  /** JSON text of Rekor's promise to log the signature; null without one. */
  readonly logEntry: string | null
  /** JSON text with a time stamp (RFC 3161); null without one. */
  readonly timestamp: string | null
}

/** Cosign's second format: one document. Source: sigstore, protobuf-specs. */
export interface SigstoreBundle extends FetchedSignature {
  readonly format: 'SIGSTORE'
  readonly bundle: Uint8Array
}

/** Source: Notary Project, signature-specification. */
export interface NotationEnvelope extends FetchedSignature {
  readonly format: 'NOTATION'
  /** `application/jose+json`, or `application/cose`. */
  readonly mediaType: string
  readonly envelope: Uint8Array
}
