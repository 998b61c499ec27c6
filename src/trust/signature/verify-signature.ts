import type { Digest } from '../../oci/digest.ts'
import { verifyByKeys } from './cosign.ts'
import { verifyNotation } from './notation.ts'
import { parsePublicKey } from './public-key.ts'
import type { TrustRequirement } from './requirement.ts'
import type { Signature } from './signature.ts'
import { bestOf, type Flaw, flaw, type SignatureVerdict } from './verdict.ts'

/** The image, and the time in milliseconds since 1970. */
type VerifySignatureOptions = { readonly image: Digest; readonly now: number }

/** Verifies a signature. Resolves to the verdict of the first requirement that accepts it, or to the gravest flaw. Never rejects. */
export async function verifySignature(
  signature: Signature,
  requirements: readonly TrustRequirement[],
  options: VerifySignatureOptions,
): Promise<SignatureVerdict> {
  const verdicts = await Promise.all(requirements.map((one) => verifyAgainst(one, signature, options)))
  return bestOf(verdicts) ?? UNREADABLE
}

const UNREADABLE: Flaw = flaw('Malformed', 'it cannot be read')
const notOfKind = (kind: string): Flaw =>
  flaw('Unsupported', `it is not a ${kind} signature, which is required`)

async function verifyAgainst(
  requirement: TrustRequirement,
  signature: Signature,
  { image, now }: VerifySignatureOptions,
): Promise<SignatureVerdict> {
  try {
    if (requirement.kind === 'NOTATION') {
      return signature.format === 'NOTATION'
        ? verifyNotation(signature, requirement, { image, now })
        : notOfKind('notation')
    }
    if (signature.format === 'NOTATION') return notOfKind('cosign')
    if (requirement.kind === 'COSIGN') {
      const keys = requirement.publicKeys.map((pem) => parsePublicKey(pem, 'publicKeys'))
      return verifyByKeys(signature, keys, image)
    }
    const { verifyKeyless } = await import('./sigstore.ts')
    return verifyKeyless(signature, requirement, image)
  } catch {
    // hostile bytes can make a parsing library throw any error
    return UNREADABLE
  }
}
