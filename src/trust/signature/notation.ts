import { constants, type KeyObject, verify, type X509Certificate } from 'node:crypto'
import type { Digest } from '../../oci/digest.ts'
import type { Json } from '../../oci/json.ts'
import {
  flawOfChain,
  isTrustedIdentity,
  MAX_CHAIN,
  readCertificate,
  subjectOf,
  validityOf,
} from './certificate.ts'
import type { NotationRequirement } from './requirement.ts'
import type { NotationEnvelope } from './signature.ts'
import { objectIn, ofAnotherImage, parseJsonObject } from './signed-claim.ts'
import { acceptedBy, type Flaw, flaw, type SignatureVerdict } from './verdict.ts'

const JWS = 'application/jose+json'
const COSE = 'application/cose'
const PAYLOAD_TYPE = 'application/vnd.cncf.notary.payload.v1+json'
const SCHEME = 'io.cncf.notary.signingScheme'
const EXPIRY = 'io.cncf.notary.expiry'
/** Critical headers that are supported. */
const SUPPORTED: readonly unknown[] = [SCHEME, EXPIRY]

interface Envelope {
  readonly header: Json
  readonly payload: Json
  /** The signed bytes. */
  readonly message: Buffer
  readonly signature: Buffer
  /** The signer's certificate first, the root last. */
  readonly chain: readonly X509Certificate[]
}

/**
 * Verifies a signature of notation. The certificates must be valid now: time stamps, which would extend their validity,
 * are not supported. Source: Notary Project, signature-specification and trust policy.
 */
export function verifyNotation(
  { mediaType, envelope }: NotationEnvelope,
  requirement: NotationRequirement,
  { image, now }: { readonly image: Digest; readonly now: number },
): SignatureVerdict {
  if (mediaType === COSE) {
    return flaw(
      'Unsupported',
      'it is a COSE envelope, and only JWS is supported: sign with --signature-format jws',
    )
  }
  if (mediaType !== JWS) return flaw('Malformed', 'it is not a notation envelope')
  const read = readEnvelope(envelope)
  if ('reason' in read) return read
  const { header, chain, payload } = read
  const unsupported = unsupportedIn(header)
  if (unsupported) return flaw('Unsupported', unsupported)

  const broken = flawOfChain(chain)
  if (broken) return flaw('Malformed', `its certificate chain is invalid: ${broken}`)
  if (!isSigned(read))
    return flaw('WrongKey', 'its first certificate does not belong to the key that signed it')
  const anchors = requirement.certificates.map((pem) => readCertificate(pem)?.fingerprint256)
  if (!chain.some(({ fingerprint256 }) => anchors.includes(fingerprint256))) {
    return flaw('Untrusted', 'none of its certificates is trusted')
  }
  const subject = subjectOf(chain[0] as X509Certificate)
  const name = [...subject].map(([key, values]) => `${key}=${values.join('+')}`).join(', ')
  const by = name.replace(/\p{C}+/gu, ' ').slice(0, 300)
  if (!requirement.trustedIdentities.some((identity) => isTrustedIdentity(identity, subject))) {
    return flaw('WrongIdentity', `it is by ${by}`)
  }
  const digest = objectIn(payload, 'targetArtifact')?.digest
  if (typeof digest !== 'string') return flaw('Malformed', 'the signed payload names no image')
  if (digest !== image) return ofAnotherImage(digest)
  return verdictAtTime(header, chain, { now, by })
}

/** Returns the verdict on a signature that is accepted apart from its validity period. */
function verdictAtTime(
  header: Envelope['header'],
  chain: readonly X509Certificate[],
  { now, by }: { readonly now: number; readonly by: string },
): SignatureVerdict {
  const { from, until } = validityOf(chain)
  if (!(from <= now)) return flaw('Expired', 'a certificate of its chain is not valid yet')
  if (!(now <= until)) return flaw('Expired', 'a certificate of its chain has expired')
  const expiry = header[EXPIRY]
  if (expiry === undefined) return acceptedBy(by, until)
  const end = typeof expiry === 'string' ? Date.parse(expiry) : Number.NaN
  if (Number.isNaN(end)) return flaw('Malformed', 'its expiry time cannot be read')
  if (now > end) return flaw('Expired', 'it has expired')
  return acceptedBy(by, Math.min(until, end))
}

/** Parses a flattened JWS. Source: RFC 7515 §7.2.2. */
function readEnvelope(bytes: Uint8Array): Envelope | Flaw {
  const jws = parseJsonObject(bytes)
  const protectedText = textIn(jws, 'protected')
  const payloadText = textIn(jws, 'payload')
  const signatureText = textIn(jws, 'signature')
  if (protectedText === undefined || payloadText === undefined || signatureText === undefined) {
    return flaw('Malformed', 'it is not a flattened JWS')
  }
  const header = parseJsonObject(Buffer.from(protectedText, 'base64url'))
  const payload = parseJsonObject(Buffer.from(payloadText, 'base64url'))
  if (!header || !payload || header.cty !== PAYLOAD_TYPE) {
    return flaw('Malformed', 'the signed payload is not a payload of notation')
  }
  const x5c = objectIn(jws, 'header')?.x5c
  const listed: readonly unknown[] = Array.isArray(x5c) && x5c.length <= MAX_CHAIN ? x5c : []
  const chain = listed.map((one) =>
    typeof one === 'string' ? readCertificate(Buffer.from(one, 'base64')) : undefined,
  )
  const whole = chain.filter((certificate) => certificate !== undefined)
  if (whole.length === 0 || whole.length < chain.length) {
    return flaw('Malformed', `it must have 1 to ${MAX_CHAIN} readable certificates`)
  }
  return {
    header,
    payload,
    chain: whole,
    message: Buffer.from(`${protectedText}.${payloadText}`),
    signature: Buffer.from(signatureText, 'base64url'),
  }
}

const textIn = (json: Json | undefined, key: string): string | undefined => {
  const text = json?.[key]
  return typeof text === 'string' && /^[\w-]+$/.test(text) ? text : undefined
}

/** Returns the demand of the header that is not supported; undefined without one. */
function unsupportedIn(header: Envelope['header']): string | undefined {
  const critical: readonly unknown[] = Array.isArray(header.crit) ? header.crit : []
  if (!critical.includes(SCHEME)) return 'it does not name its signing scheme'
  const unknown = critical.find((name) => !SUPPORTED.includes(name))
  if (header[SCHEME] !== 'notary.x509') return 'its signing scheme is not notary.x509'
  return unknown === undefined ? undefined : 'it has a critical header that is not supported'
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
/** The key alone determines the algorithm. Source: Notary Project, signature-specification, algorithm selection. */
const ALGORITHMS: Readonly<Record<string, readonly [name: string, hash: string]>> = {
  'rsa 2048': ['PS256', 'sha256'],
  'rsa 3072': ['PS384', 'sha384'],
  'rsa 4096': ['PS512', 'sha512'],
  'ec prime256v1': ['ES256', 'sha256'],
  'ec secp384r1': ['ES384', 'sha384'],
  'ec secp521r1': ['ES512', 'sha512'],
}

function isSigned({ header, message, signature, chain }: Envelope): boolean {
  try {
    const key = (chain[0] as X509Certificate).publicKey
    const [name, hash] = ALGORITHMS[sizeOf(key)] ?? []
    if (hash === undefined || header.alg !== name) return false
    const form = key.asymmetricKeyType === 'rsa' ? PSS : ({ dsaEncoding: 'ieee-p1363' } as const)
    return verify(hash, message, { key, ...form }, signature)
  } catch {
    return false
  }
}

const sizeOf = ({ asymmetricKeyType, asymmetricKeyDetails: details = {} }: KeyObject): string =>
  `${asymmetricKeyType} ${details.modulusLength ?? details.namedCurve ?? ''}`
