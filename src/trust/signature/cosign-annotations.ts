import { digestOf } from '../../oci/digest.ts'
import type { SimpleSigning } from './signature.ts'
import { fromBase64, objectIn, parseJson } from './signed-claim.ts'
import { type Flaw, flaw } from './verdict.ts'

/** Annotations that cosign did not write. */
export const UNREADABLE_ANNOTATIONS: Flaw = flaw('Malformed', 'its annotations cannot be read')

/** A sigstore bundle as JSON, parsed by the library. */
type SimpleBundle = Readonly<Record<'mediaType' | 'verificationMaterial' | 'messageSignature', unknown>>

/** Converts cosign's annotations to a sigstore bundle, or returns why that is not possible. */
export function bundleJsonOf({
  payload,
  signature,
  certificate,
  logEntry,
  timestamp,
}: SimpleSigning): SimpleBundle | Flaw {
  if (certificate === null) return flaw('WrongIdentity', 'it has no certificate with an identity')
  const der = /-----BEGIN CERTIFICATE-----([\sA-Za-z0-9+/=]+)-----END CERTIFICATE-----/.exec(certificate)?.[1]
  const log = logEntry === null ? null : logEntryOf(logEntry)
  if (der === undefined || log === undefined || !fromBase64(signature)) return UNREADABLE_ANNOTATIONS
  const stamp = timestamp === null ? undefined : parseJson(Buffer.from(timestamp))?.SignedRFC3161Timestamp
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
  const json = parseJson(Buffer.from(text))
  const payload = objectIn(json, 'Payload')
  const { body, integratedTime, logIndex, logID } = payload ?? {}
  const promise = json?.SignedEntryTimestamp
  if (typeof body !== 'string' || typeof logID !== 'string' || typeof promise !== 'string') return undefined
  if (!Number.isSafeInteger(integratedTime) || !Number.isSafeInteger(logIndex)) return undefined
  const { kind, apiVersion } = parseJson(Buffer.from(body, 'base64')) ?? {}
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
