import { hash } from 'node:crypto'
import { type Bundle, bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import {
  type SignedEntity,
  type Signer,
  type TrustMaterial,
  toSignedEntity,
  toTrustMaterial,
  VerificationError,
  Verifier,
} from '@sigstore/verify'
import { memoized } from '../../concurrency/cache.ts'
import { invalid } from '../../input/errors.ts'
import type { Digest } from '../../oci/digest.ts'
import type { SignatureFlaw } from '../../oci/failure-reason.ts'
import { parseJson } from '../../oci/json.ts'
import { bundleJsonOf, preAuthEncoding, UNREADABLE_ANNOTATIONS } from './cosign.ts'
import type { KeylessRequirement, TextMatch } from './requirement.ts'
import { matchesText } from './requirement.ts'
import type { SigstoreBundle, SimpleSigning } from './signature.ts'
import { flawOfSimpleSigning, flawOfStatement } from './signed-claim.ts'
import { acceptedBy, type Flaw, flaw, type SignatureVerdict } from './verdict.ts'

// Only this file imports sigstore's library, which is slow to load: import this file dynamically.

/** Throws InvalidInputError unless signatures can be verified with this trusted root. */
export function checkTrustedRoot(text: string, field: string): void {
  const wrong = flawOfRoot(text)
  if (wrong !== undefined) throw invalid(field, `${wrong}`)
}

function flawOfRoot(text: string): string | undefined {
  let material: TrustMaterial
  try {
    material = materialOf(text)
  } catch {
    return 'must be the JSON text of a sigstore trusted root (trusted_root.json)'
  }
  const { certificateAuthorities, tlogs, timestampAuthorities } = material
  if (certificateAuthorities.length === 0) return 'must have a certificate authority'
  if (tlogs.length === 0 && timestampAuthorities.length === 0) {
    return 'must have a transparency log or a timestamp authority, which prove the time of signing'
  }
  return undefined
}

/** Parsed trusted roots to keep: each requirement has one. */
const MAX_ROOTS = 20
const materialOf = memoized<TrustMaterial>(
  (text) => toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(text))),
  MAX_ROOTS,
)

/**
 * Verifies that the identity signed a claim about the image while its certificate was valid. Uses the trusted root alone
 * and sends no requests. Where the root has logs, one of them must contain the signature, or the certificate.
 */
export function verifyKeyless(
  signature: SimpleSigning | SigstoreBundle,
  requirement: KeylessRequirement,
  image: Digest,
): SignatureVerdict {
  const found = signature.format === 'COSIGN' ? bundleOfSimple(signature) : bundleOf(signature.bundle)
  if ('reason' in found) return found
  const { bundle, claim } = found
  if (bundle.verificationMaterial.content.$case === 'publicKey') {
    return flaw('WrongIdentity', 'it was made with a key and has no certificate with an identity')
  }
  const signer = signerOf(bundle, claim, requirement.trustedRoot)
  if ('reason' in signer) return signer
  const identity = signer.identity?.subjectAlternativeName ?? ''
  const issuer = signer.identity?.extensions?.issuer ?? ''
  const by = `${printable(identity)} (${printable(issuer)})`
  if (!isText(requirement.issuer, issuer) || !isText(requirement.subject, identity)) {
    return flaw('WrongIdentity', `it is by ${by}`)
  }
  const wrong =
    signature.format === 'COSIGN' ? flawOfSimpleSigning(claim, image) : flawOfStatement(claim, image)
  return wrong ?? acceptedBy(by)
}

/** Names in certificates can have any characters and length. */
const printable = (text: string): string => text.replace(/\p{C}+/gu, ' ').slice(0, 300) || 'an empty name'
const MAX_NAME = 4096
const isText = (match: TextMatch, text: string): boolean =>
  text !== '' && text.length <= MAX_NAME && matchesText(match, text)

interface BundleWithClaim {
  readonly bundle: Bundle
  /** The bytes that name the image. */
  readonly claim: Buffer
}

/**
 * The library compiles each name in a checkpoint to a regular expression and searches with it before it verifies
 * anything. An attacker chooses the names, so only plain names are allowed.
 */
const AFTER_DASH = /(?<=\u2014 )\S+/gu
const CHECKPOINT_NAME = /^[A-Za-z0-9][A-Za-z0-9.:/-]{0,252}$/

function bundleOf(bytes: Uint8Array): BundleWithClaim | Flaw {
  let bundle: Bundle
  try {
    bundle = bundleFromJSON(parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch {
    return flaw('Malformed', 'it cannot be read as a sigstore bundle')
  }
  if (bundle.content.$case !== 'dsseEnvelope') {
    return flaw('Unsupported', 'it is a sigstore bundle without an in-toto statement')
  }
  const names = bundle.verificationMaterial.tlogEntries.flatMap(
    ({ inclusionProof }) => inclusionProof?.checkpoint?.envelope.match(AFTER_DASH) ?? [],
  )
  if (!names.every((name) => CHECKPOINT_NAME.test(name))) {
    return flaw('Malformed', 'a checkpoint in it has an invalid signer name')
  }
  return { bundle, claim: bundle.content.dsseEnvelope.payload }
}

/** Converts cosign's annotations to a bundle. */
function bundleOfSimple(signature: SimpleSigning): BundleWithClaim | Flaw {
  const json = bundleJsonOf(signature)
  if ('reason' in json) return json
  try {
    return { bundle: bundleFromJSON(json), claim: Buffer.from(signature.payload) }
  } catch {
    return UNREADABLE_ANNOTATIONS
  }
}

function signerOf(bundle: Bundle, claim: Buffer, trustedRoot: string): Signer | Flaw {
  const material = materialOf(trustedRoot)
  const verifier = new Verifier(material, {
    tlogThreshold: material.tlogs.length > 0 ? 1 : 0,
    ctlogThreshold: material.ctlogs.length > 0 ? 1 : 0,
    timestampThreshold: 1,
  })
  try {
    return verifier.verify(entityOf(bundle, claim))
  } catch (error) {
    // other errors are thrown by the library's parsers
    if (!(error instanceof VerificationError)) return flaw('Malformed', 'it cannot be read')
    const [reason, message] = FLAWS[error.code] ?? ['Malformed', 'it cannot be verified']
    return flaw(reason, message)
  }
}

/**
 * Returns the entity for the library. Version 2 of Rekor logs the hash of the bytes that DSSE signs, version 1 that of the
 * payload: the library supports only version 1. Source: rekor-v2-spec §6.1.4.
 */
function entityOf(bundle: Bundle, claim: Buffer): SignedEntity {
  const entity = toSignedEntity(bundle, claim)
  if (bundle.content.$case !== 'dsseEnvelope') return entity
  const { payloadType, payload } = bundle.content.dsseEnvelope
  const signed = hash('sha256', preAuthEncoding(payloadType, payload), 'buffer')
  const { signature } = entity
  return {
    ...entity,
    signature: {
      signature: signature.signature,
      compareSignature: (bytes) => signature.compareSignature(bytes),
      compareDigest: (digest) => signature.compareDigest(digest) || signed.equals(digest),
      verifySignature: (key) => signature.verifySignature(key),
    },
  }
}

const FLAWS: Readonly<Record<string, readonly [SignatureFlaw, string]>> = {
  CERTIFICATE_ERROR: [
    'Untrusted',
    'its certificate was not issued by an authority of the trusted root, or was not valid when it was signed',
  ],
  SIGNATURE_ERROR: ['WrongKey', 'its certificate does not belong to the key that signed it'],
  TIMESTAMP_ERROR: [
    'NotLogged',
    'no log or timestamp authority of the trusted root proves when it was signed',
  ],
  TLOG_ERROR: ['NotLogged', 'it is in no transparency log of the trusted root'],
  TLOG_BODY_ERROR: ['NotLogged', 'its transparency log entry is that of another signature'],
  TLOG_INCLUSION_PROOF_ERROR: ['NotLogged', 'its proof of inclusion in the transparency log is invalid'],
  TLOG_INCLUSION_PROMISE_ERROR: ['NotLogged', 'its promise of inclusion in the transparency log is invalid'],
  TLOG_MISSING_INCLUSION_ERROR: ['NotLogged', 'it has no proof of inclusion in the transparency log'],
  PUBLIC_KEY_ERROR: ['WrongKey', 'it was made with a key and has no certificate with an identity'],
}
