import type { Digest } from '../../oci/digest.ts'
import { base64In, flawOfSimpleSigning, flawOfStatement, fromBase64, objectIn, parseJson } from './claim.ts'
import { isSignedBy, type SigningKey } from './public-key.ts'
import type { SigstoreBundle, SimpleSigning } from './signature.ts'
import { type Flaw, flaw, type Verdict } from './verdict.ts'

/** What of a bundle is signed, and by which bytes. */
interface Signed {
  readonly statement: Buffer
  readonly message: Buffer
  readonly signature: Buffer
}

/** Whether one of the keys signed that it is this image. Which log has the signature is not asked. */
export function verifyByKeys(
  signature: SimpleSigning | SigstoreBundle,
  keys: readonly SigningKey[],
  image: Digest,
): Verdict {
  const by = (message: Uint8Array, bytes: Uint8Array) =>
    keys.find(({ key }) => isSignedBy(key, message, bytes))
  if (signature.format === 'COSIGN') {
    const bytes = fromBase64(signature.signature)
    if (!bytes) return flaw('Malformed', 'its signature is no base64')
    return judge(by(signature.payload, bytes), flawOfSimpleSigning(signature.payload, image))
  }
  const signed = signedOf(signature.bundle)
  if ('reason' in signed) return signed
  return judge(by(signed.message, signed.signature), flawOfStatement(signed.statement, image))
}

const judge = (key: SigningKey | undefined, ofClaim: Flaw | undefined): Verdict => {
  if (!key) return flaw('WrongKey', 'none of the public keys made it')
  return ofClaim ?? { ok: true, by: `key ${key.fingerprint}`, until: null }
}

/** The DSSE envelope of a bundle. Source: DSSE, protocol.md. */
function signedOf(bundle: Uint8Array): Signed | Flaw {
  const envelope = objectIn(parseJson(bundle), 'dsseEnvelope')
  if (!envelope) return flaw('Malformed', 'it is no sigstore bundle with an in-toto statement')
  const statement = base64In(envelope, 'payload')
  const { signatures, payloadType } = envelope
  const [first, second]: readonly unknown[] = Array.isArray(signatures) ? signatures : []
  const signature = base64In(objectIn({ first }, 'first'), 'sig')
  if (!statement || !signature || second !== undefined || typeof payloadType !== 'string') {
    return flaw('Malformed', 'its envelope has not one payload with one signature')
  }
  return { statement, signature, message: preAuthEncoding(payloadType, statement) }
}

/** What DSSE signs in place of the payload. */
export const preAuthEncoding = (payloadType: string, payload: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `),
    payload,
  ])
