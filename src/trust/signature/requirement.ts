import { RE2JS, RE2JSException } from 're2js'
import { InvalidInputError, invalid } from '../../input/errors.ts'
import { instructionsAtMost } from '../../policy/pattern.ts'

/** A text that must be equal, or a pattern in RE2's syntax that must match the whole text. */
export type TextMatch = { readonly exact: string } | { readonly pattern: string }

/** Signatures that are accepted. */
export type TrustRequirement = CosignRequirement | KeylessRequirement | NotationRequirement

/** Signatures by one of these public keys. */
export interface CosignRequirement {
  readonly kind: 'COSIGN'
  /** PEM, SPKI. */
  readonly publicKeys: readonly string[]
}

/** Signatures by an identity, with a certificate of sigstore. */
export interface KeylessRequirement {
  readonly kind: 'KEYLESS'
  /** Issuer of the identity token: `https://token.actions.githubusercontent.com`. */
  readonly issuer: TextMatch
  /** The identity: an e-mail address or the URI of a workflow. */
  readonly subject: TextMatch
  /** JSON text of a sigstore trusted root. */
  readonly trustedRoot: string
}

/** Signatures of notation, by a certificate of one of these authorities. */
export interface NotationRequirement {
  readonly kind: 'NOTATION'
  /** PEM. The signature's chain must contain one of them. */
  readonly certificates: readonly string[]
  /** `x509.subject: C=…, O=…`, or `*`. */
  readonly trustedIdentities: readonly string[]
}

const MAX_LENGTH = 1000
/** Most instructions that a pattern may compile to. */
const MAX_INSTRUCTIONS = 20_000

/** Returns the match from input with exactly one of the two fields. Throws InvalidInputError. */
export function parseTextMatch(
  {
    exact,
    pattern,
  }: { readonly exact?: string | null | undefined; readonly pattern?: string | null | undefined },
  field: string,
): TextMatch {
  const patternField = `${field}Pattern`
  if ((exact == null) === (pattern == null)) {
    throw new InvalidInputError(field, `set either ${field} or ${patternField}`)
  }
  const text = exact ?? pattern ?? ''
  const given = exact == null ? patternField : field
  if (text === '' || text.length > MAX_LENGTH) {
    throw invalid(given, `must have 1 to ${MAX_LENGTH} characters`)
  }
  if (exact != null) return { exact }
  if (instructionsAtMost(text) > MAX_INSTRUCTIONS) {
    throw invalid(given, 'has too many repetitions: "{n}" counts n times')
  }
  try {
    RE2JS.compile(text)
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause
    throw invalid(
      given,
      `is not a regular expression in RE2's syntax, which has no lookaround or backreferences: ${cause.message}`,
      { cause },
    )
  }
  return { pattern: text }
}

/** Reports whether the whole text matches. */
export const matchesText = (match: TextMatch, text: string): boolean =>
  'exact' in match ? match.exact === text : RE2JS.compile(match.pattern).matches(text)
