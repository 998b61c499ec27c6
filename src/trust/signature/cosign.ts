import { type Digest, digestOf } from '../../oci/digest.ts'
import { isSignedBy, type SigningKey } from './public-key.ts'
import type { SigstoreBundle, SimpleSigning } from './signature.ts'
import {
  base64In,
  flawOfSimpleSigning,
  flawOfStatement,
  fromBase64,
  objectIn,
  parseJsonObject,
} from './signed-claim.ts'
import { acceptedBy, type Flaw, flaw, type SignatureVerdict } from './verdict.ts'

/** Verifies that one of the keys signed a claim about the image. Transparency logs are not considered. */
export function verifyByKeys(
  signature: SimpleSigning | SigstoreBundle,
  keys: readonly SigningKey[],
  image: Digest,
): SignatureVerdict {
  const by = (message: Uint8Array, bytes: Uint8Array) =>
    keys.find(({ key }) => isSignedBy(key, message, bytes))
  if (signature.format === 'COSIGN') {
    const bytes = fromBase64(signature.signature)
    if (!bytes) return flaw('Malformed', 'its signature is not base64')
    return verdictOf(by(signature.payload, bytes), flawOfSimpleSigning(signature.payload, image))
  }
  const signed = signedOf(signature.bundle)
  if ('reason' in signed) return signed
  return verdictOf(by(signed.message, signed.signature), flawOfStatement(signed.statement, image))
}

const verdictOf = (key: SigningKey | undefined, ofClaim: Flaw | undefined): SignatureVerdict => {
  if (!key) return flaw('WrongKey', 'none of the public keys signed it')
  return ofClaim ?? acceptedBy(`key ${key.fingerprint}`)
}

/** Returns the signed parts of the DSSE envelope of a bundle. Source: DSSE, protocol.md. */
function signedOf(bundle: Uint8Array): Record<'statement' | 'message' | 'signature', Buffer> | Flaw {
  const envelope = objectIn(parseJsonObject(bundle), 'dsseEnvelope')
  if (!envelope) return flaw('Malformed', 'it is not a sigstore bundle with an in-toto statement')
  const statement = base64In(envelope, 'payload')
  const { signatures, payloadType } = envelope
  const [first, second]: readonly unknown[] = Array.isArray(signatures) ? signatures : []
  const signature = base64In(objectIn({ first }, 'first'), 'sig')
  if (!statement || !signature || second !== undefined || typeof payloadType !== 'string') {
    return flaw('Malformed', 'its envelope must have one payload with one signature')
  }
  return { statement, signature, message: preAuthEncoding(payloadType, statement) }
}

/** Returns the pre-authentication encoding: the bytes that DSSE signs. */
export const preAuthEncoding = (payloadType: string, payload: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `),
    payload,
  ])

/** Annotations that cosign did not write. */
export const UNREADABLE_ANNOTATIONS: Flaw = flaw('Malformed', 'its annotations cannot be read')

/** Converts cosign's annotations to the JSON of a sigstore bundle, or returns why that is not possible. */
export function bundleJsonOf({ payload, signature, certificate, logEntry, timestamp }: SimpleSigning) {
  if (certificate === null) return flaw('WrongIdentity', 'it has no certificate with an identity')
  const der = /-----BEGIN CERTIFICATE-----([\sA-Za-z0-9+/=]+)-----END CERTIFICATE-----/.exec(certificate)?.[1]
  const log = logEntry === null ? null : logEntryOf(logEntry)
  if (der === undefined || log === undefined || !fromBase64(signature)) return UNREADABLE_ANNOTATIONS
  const stamp =
    timestamp === null ? undefined : parseJsonObject(Buffer.from(timestamp))?.SignedRFC3161Timestamp
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    verificationMaterial: {
      x509CertificateChain: { certificates: [{ rawBytes: der.replace(/\s+/g, '') }] },
      tlogEntries: log === null ? [] : [log],
      timestampVerificationData:
        typeof stamp === 'string' ? { rfc3161Timestamps: [{ signedTimestamp: stamp }] } : undefined,
    },
    messageSignature: {
      messageDigest: {
        algorithm: 'SHA2_256',
        digest: Buffer.from(digestOf(payload).slice('sha256:'.length), 'hex').toString('base64'),
      },
      signature,
    },
  }
}

/** Source: cosign, the annotation `dev.sigstore.cosign/bundle`. */
function logEntryOf(text: string): object | undefined {
  const json = parseJsonObject(Buffer.from(text))
  const payload = objectIn(json, 'Payload')
  const { body, integratedTime, logIndex, logID } = payload ?? {}
  const promise = json?.SignedEntryTimestamp
  if (typeof body !== 'string' || typeof logID !== 'string' || typeof promise !== 'string') return undefined
  if (!Number.isSafeInteger(integratedTime) || !Number.isSafeInteger(logIndex)) return undefined
  const { kind, apiVersion } = parseJsonObject(Buffer.from(body, 'base64')) ?? {}
  if (typeof kind !== 'string' || typeof apiVersion !== 'string') return undefined
  return {
    logIndex: String(logIndex),
    logId: { keyId: Buffer.from(logID, 'hex').toString('base64') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: promise },
    canonicalizedBody: body,
  }
}
