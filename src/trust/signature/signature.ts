import type { Digest } from '../../oci/digest.ts'

/** A signature as it was fetched: nothing of it is verified yet but that its bytes have their digest. */
export type Signature = SimpleSigning | SigstoreBundle | NotationEnvelope

interface Fetched {
  /** Of the manifest that carries it. */
  readonly manifest: Digest
}

/** Cosign's first format: a payload, and annotations of its layer. Source: cosign, SIGNATURE_SPEC.md. */
export interface SimpleSigning extends Fetched {
  readonly format: 'COSIGN'
  readonly payload: Uint8Array
  /** Base64. */
  readonly signature: string
  /** PEM of the certificate that a keyless signature has. */
  readonly certificate: string | null
  /** JSON text: Rekor's promise that it has the signature. */
  readonly logEntry: string | null
  /** JSON text: a time stamp by RFC 3161. */
  readonly timestamp: string | null
}

/** Cosign's second format: everything in one document. Source: sigstore, protobuf-specs. */
export interface SigstoreBundle extends Fetched {
  readonly format: 'SIGSTORE'
  readonly bundle: Uint8Array
}

/** Source: Notary Project, signature-specification. */
export interface NotationEnvelope extends Fetched {
  readonly format: 'NOTATION'
  /** `application/jose+json`, or `application/cose`. */
  readonly mediaType: string
  readonly envelope: Uint8Array
}
