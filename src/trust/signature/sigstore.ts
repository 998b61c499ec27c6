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
import { InvalidInputError } from '../../input/errors.ts'
import type { Digest } from '../../oci/digest.ts'
import { flawOfSimpleSigning, flawOfStatement } from './claim.ts'
import { preAuthEncoding } from './cosign.ts'
import { bundleJsonOf, UNREADABLE_ANNOTATIONS } from './cosign-annotations.ts'
import type { TextMatch, TrustRequirement } from './policy.ts'
import type { SigstoreBundle, SimpleSigning } from './signature.ts'
import { matchesText } from './text-match.ts'
import { type Flaw, type FlawReason, flaw, type Verdict } from './verdict.ts'

// The one file that knows sigstore's library, which takes a while to load: import it when it is needed.

type Keyless = Extract<TrustRequirement, { kind: 'KEYLESS' }>

/** Throws InvalidInputError unless it is a trusted root that signatures can be verified with. */
export function checkTrustedRoot(text: string, field: string): void {
  const wrong = flawOfRoot(text)
  if (wrong !== undefined) throw new InvalidInputError(field, `${field} ${wrong}`)
}

function flawOfRoot(text: string): string | undefined {
  let material: TrustMaterial
  try {
    material = materialOf(text)
  } catch {
    return 'must be the JSON text of a sigstore trusted root (trusted_root.json)'
  }
  const { certificateAuthorities, tlogs, timestampAuthorities } = material
  if (certificateAuthorities.length === 0)
    return 'names no certificate authority: who vouches for identities?'
  if (tlogs.length === 0 && timestampAuthorities.length === 0) {
    return 'names neither a transparency log nor a timestamp authority: when was something signed?'
  }
  return undefined
}

/** Roots that were read: one for each requirement that is in use, or was lately. */
const roots = new Map<string, TrustMaterial>()
const MAX_ROOTS = 20

function materialOf(text: string): TrustMaterial {
  const material = roots.get(text) ?? toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(text)))
  roots.delete(text)
  roots.set(text, material)
  if (roots.size > MAX_ROOTS) roots.delete(roots.keys().next().value ?? '')
  return material
}

/**
 * Whether somebody with the identity signed that it is this image, while the certificate was valid, by the trusted root
 * alone: nobody is asked. A log that the root names must have the signature, and one of certificates the certificate.
 */
export function verifyKeyless(
  signature: SimpleSigning | SigstoreBundle,
  requirement: Keyless,
  image: Digest,
): Verdict {
  const found = signature.format === 'COSIGN' ? bundleOfSimple(signature) : bundleOf(signature.bundle)
  if ('reason' in found) return found
  const { bundle, claim } = found
  if (bundle.verificationMaterial.content.$case === 'publicKey') {
    return flaw('WrongIdentity', 'it was made with a key, and no certificate says whose that is')
  }
  const signer = signerOf(bundle, claim, requirement.trustedRoot)
  if ('reason' in signer) return signer
  const identity = signer.identity?.subjectAlternativeName ?? ''
  const issuer = signer.identity?.extensions?.issuer ?? ''
  if (!isText(requirement.issuer, issuer) || !isText(requirement.subject, identity)) {
    return flaw('WrongIdentity', `it is by ${plain(identity)}, as ${plain(issuer)} says`)
  }
  const wrong =
    signature.format === 'COSIGN' ? flawOfSimpleSigning(claim, image) : flawOfStatement(claim, image)
  return wrong ?? { ok: true, by: `${plain(identity)} (${plain(issuer)})`, until: null }
}

/** Names in certificates are of any characters and length. */
const plain = (text: string): string => text.replace(/\p{C}+/gu, ' ').slice(0, 300) || 'nobody'
const MAX_NAME = 4096
const isText = (match: TextMatch, text: string): boolean =>
  text !== '' && text.length <= MAX_NAME && matchesText(match, text)

interface Claimed {
  readonly bundle: Bundle
  /** The bytes that say which image is meant. */
  readonly claim: Buffer
}

/**
 * The library makes a regular expression of each name in a checkpoint, which whoever wrote the bundle chose, and searches
 * with it before anything is verified: only names are let through.
 */
const AFTER_DASH = /(?<=\u2014 )\S+/gu
const CHECKPOINT_NAME = /^[A-Za-z0-9][A-Za-z0-9.:/-]{0,252}$/

function bundleOf(bytes: Uint8Array): Claimed | Flaw {
  let bundle: Bundle
  try {
    bundle = bundleFromJSON(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch {
    return flaw('Malformed', 'it is no sigstore bundle that can be read')
  }
  if (bundle.content.$case !== 'dsseEnvelope') {
    return flaw('Unsupported', 'it is a sigstore bundle without an in-toto statement')
  }
  const names = bundle.verificationMaterial.tlogEntries.flatMap(
    ({ inclusionProof }) => inclusionProof?.checkpoint?.envelope.match(AFTER_DASH) ?? [],
  )
  if (!names.every((name) => CHECKPOINT_NAME.test(name))) {
    return flaw('Malformed', 'a checkpoint in it is signed under something that is no name')
  }
  return { bundle, claim: bundle.content.dsseEnvelope.payload }
}

/** The bundle that cosign's annotations would have been. */
function bundleOfSimple(signature: SimpleSigning): Claimed | Flaw {
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
    // what is no VerificationError is what the library met with in bytes that it could not read
    if (!(error instanceof VerificationError)) return flaw('Malformed', 'it cannot be read')
    const [reason, message] = MEANING[error.code] ?? ['Malformed', 'it cannot be verified']
    return flaw(reason, message)
  }
}

/**
 * What is verified. Rekor's second version logs the hash of what DSSE signs, and its first that of the payload: the
 * library knows the latter alone. Source: rekor-v2-spec §6.1.4.
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

const MEANING: Readonly<Record<string, readonly [FlawReason, string]>> = {
  CERTIFICATE_ERROR: [
    'Untrusted',
    'its certificate is of no authority of the trusted root, or was not valid when it was made',
  ],
  SIGNATURE_ERROR: ['WrongKey', 'its certificate is not of the key that made it'],
  TIMESTAMP_ERROR: ['NotLogged', 'nobody whom the trusted root names says when it was made'],
  TLOG_ERROR: ['NotLogged', 'no transparency log of the trusted root has it'],
  TLOG_BODY_ERROR: ['NotLogged', 'what the transparency log has is another signature'],
  TLOG_INCLUSION_PROOF_ERROR: ['NotLogged', 'the proof that the transparency log has it is wrong'],
  TLOG_INCLUSION_PROMISE_ERROR: ['NotLogged', 'the promise that the transparency log has it is wrong'],
  TLOG_MISSING_INCLUSION_ERROR: ['NotLogged', 'nothing proves that the transparency log has it'],
  PUBLIC_KEY_ERROR: ['WrongKey', 'it was made with a key, and no certificate says whose that is'],
}
