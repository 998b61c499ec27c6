import { constants, type KeyObject, verify, type X509Certificate } from 'node:crypto'
import type { Digest } from '../../oci/digest.ts'
import { flawOfChain, MAX_CHAIN, readCertificate, subjectOf, validityOf } from './certificate.ts'
import { objectIn, ofAnotherImage, parseJson } from './claim.ts'
import type { TrustRequirement } from './policy.ts'
import type { NotationEnvelope } from './signature.ts'
import { isTrustedIdentity } from './trusted-identity.ts'
import { type Flaw, flaw, type Verdict } from './verdict.ts'

type Notation = Extract<TrustRequirement, { kind: 'NOTATION' }>

const JWS = 'application/jose+json'
const COSE = 'application/cose'
const PAYLOAD_TYPE = 'application/vnd.cncf.notary.payload.v1+json'
const SCHEME = 'io.cncf.notary.signingScheme'
const EXPIRY = 'io.cncf.notary.expiry'
/** Headers that must be understood, and are. */
const UNDERSTOOD: readonly unknown[] = [SCHEME, EXPIRY]

interface Envelope {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** What is signed. */
  readonly message: Buffer
  readonly signature: Buffer
  /** Who signed first, the root last. */
  readonly chain: readonly X509Certificate[]
}

/**
 * Whether somebody whom the requirement trusts signed that it is this image. The certificates must be valid now: time
 * stamps that would prolong them are not read. Source: Notary Project, signature-specification and trust policy.
 */
export function verifyNotation(
  { mediaType, envelope }: NotationEnvelope,
  requirement: Notation,
  { image, now }: { readonly image: Digest; readonly now: number },
): Verdict {
  if (mediaType === COSE) {
    return flaw(
      'Unsupported',
      'it is a COSE envelope, and only JWS is read: sign with --signature-format jws',
    )
  }
  if (mediaType !== JWS) return flaw('Malformed', 'it is no notation envelope')
  const read = readEnvelope(envelope)
  if ('reason' in read) return read
  const { header, chain, payload } = read
  const unsupported = unsupportedIn(header)
  if (unsupported) return flaw('Unsupported', unsupported)

  const broken = flawOfChain(chain)
  if (broken) return flaw('Malformed', `its certificates are no chain: ${broken}`)
  if (!isSigned(read)) return flaw('WrongKey', 'its first certificate is not of the key that made it')
  const anchors = requirement.certificates.map((pem) => readCertificate(pem)?.fingerprint256)
  if (!chain.some(({ fingerprint256 }) => anchors.includes(fingerprint256))) {
    return flaw('Untrusted', 'none of its certificates is one of the trusted ones')
  }
  const subject = subjectOf(chain[0] as X509Certificate)
  const name = [...subject].map(([key, values]) => `${key}=${values.join('+')}`).join(', ')
  const by = name.replace(/\p{C}+/gu, ' ').slice(0, 300)
  if (!requirement.trustedIdentities.some((identity) => isTrustedIdentity(identity, subject))) {
    return flaw('WrongIdentity', `it is by ${by}`)
  }
  const digest = objectIn(payload, 'targetArtifact')?.digest
  if (typeof digest !== 'string') return flaw('Malformed', 'what is signed names no image')
  if (digest !== image) return ofAnotherImage(digest)
  return inTime(header, chain, { now, by })
}

function inTime(
  header: Envelope['header'],
  chain: readonly X509Certificate[],
  { now, by }: { readonly now: number; readonly by: string },
): Verdict {
  const { from, until } = validityOf(chain)
  if (!(from <= now)) return flaw('Expired', 'a certificate of its chain is not valid yet')
  if (!(now <= until)) return flaw('Expired', 'a certificate of its chain has expired')
  const expiry = header[EXPIRY]
  if (expiry === undefined) return { ok: true, by, until }
  const end = typeof expiry === 'string' ? Date.parse(expiry) : Number.NaN
  if (Number.isNaN(end)) return flaw('Malformed', 'the time at which it expires cannot be read')
  if (now > end) return flaw('Expired', 'it has expired, as who signed it wanted')
  return { ok: true, by, until: Math.min(until, end) }
}

/** Flattened JWS. Source: RFC 7515 §7.2.2. */
function readEnvelope(bytes: Uint8Array): Envelope | Flaw {
  const jws = parseJson(bytes)
  const protectedText = textIn(jws, 'protected')
  const payloadText = textIn(jws, 'payload')
  const signatureText = textIn(jws, 'signature')
  if (protectedText === undefined || payloadText === undefined || signatureText === undefined) {
    return flaw('Malformed', 'it is no flattened JWS')
  }
  const header = parseJson(Buffer.from(protectedText, 'base64url'))
  const payload = parseJson(Buffer.from(payloadText, 'base64url'))
  if (!header || !payload || header.cty !== PAYLOAD_TYPE) {
    return flaw('Malformed', 'what is signed is no payload of notation')
  }
  const x5c = objectIn(jws, 'header')?.x5c
  const listed: readonly unknown[] = Array.isArray(x5c) && x5c.length <= MAX_CHAIN ? x5c : []
  const chain = listed.map((one) =>
    typeof one === 'string' ? readCertificate(Buffer.from(one, 'base64')) : undefined,
  )
  const whole = chain.filter((certificate) => certificate !== undefined)
  if (whole.length === 0 || whole.length < chain.length) {
    return flaw('Malformed', `it has not 1 to ${MAX_CHAIN} certificates that can be read`)
  }
  return {
    header,
    payload,
    chain: whole,
    message: Buffer.from(`${protectedText}.${payloadText}`),
    signature: Buffer.from(signatureText, 'base64url'),
  }
}

const textIn = (json: Readonly<Record<string, unknown>> | undefined, key: string): string | undefined => {
  const text = json?.[key]
  return typeof text === 'string' && /^[\w-]+$/.test(text) ? text : undefined
}

/** What the header demands that is not done here; undefined when nothing. */
function unsupportedIn(header: Envelope['header']): string | undefined {
  const critical: readonly unknown[] = Array.isArray(header.crit) ? header.crit : []
  if (!critical.includes(SCHEME)) return 'it does not say by which scheme it is signed'
  const strange = critical.find((name) => !UNDERSTOOD.includes(name))
  if (header[SCHEME] !== 'notary.x509') return 'it is signed by another scheme than notary.x509'
  return strange === undefined ? undefined : 'it demands what is not understood here'
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
/** Its key alone decides the algorithm. Source: Notary Project, signature-specification, algorithm selection. */
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
