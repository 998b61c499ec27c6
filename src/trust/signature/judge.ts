import type { Digest } from '../../oci/digest.ts'
import { verifyByKeys } from './cosign.ts'
import { verifyNotation } from './notation.ts'
import type { TrustRequirement } from './policy.ts'
import { parsePublicKey } from './public-key.ts'
import type { Signature } from './signature.ts'
import { bestOf, type Flaw, flaw, type Verdict } from './verdict.ts'

export interface JudgeOptions {
  readonly image: Digest
  /** Milliseconds since 1970. */
  readonly now: number
}

/** What the requirements make of one signature: the first that accepts it, or else how far it came. Never rejects. */
export async function judge(
  signature: Signature,
  requirements: readonly TrustRequirement[],
  options: JudgeOptions,
): Promise<Verdict> {
  const verdicts = await Promise.all(requirements.map((one) => judgeByOne(signature, one, options)))
  return bestOf(verdicts) ?? UNREADABLE
}

const UNREADABLE: Flaw = flaw('Malformed', 'it cannot be read')
const notOfKind = (wanted: string): Flaw => flaw('Unsupported', `it is no ${wanted} signature, as is wanted`)

async function judgeByOne(
  signature: Signature,
  requirement: TrustRequirement,
  { image, now }: JudgeOptions,
): Promise<Verdict> {
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
    // strangers wrote these bytes, and others parse them: whatever they meet with, it is no signature
    return UNREADABLE
  }
}
