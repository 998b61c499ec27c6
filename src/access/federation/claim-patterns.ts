import { InvalidInputError, quoted } from '../../input/errors.ts'
import { matchesGlob } from '../../input/glob.ts'
import { isObject } from '../../oci/json.ts'

/** Patterns by the name of the claim, in which `*` stands for any characters. One of a claim's patterns has to match. */
export type ClaimPatterns = Readonly<Record<string, readonly string[]>>

/** The patterns of one claim, as a user gives them. */
export interface ClaimPattern {
  readonly name: string
  readonly patterns: readonly string[]
}

/** Most claims of a rule, and most patterns of a claim. */
export const MAX_CLAIMS = 32
const MAX_NAME_LENGTH = 255
const MAX_PATTERN_LENGTH = 1024
/** Printable ASCII characters and letters of all languages: names of branches and groups may have any. */
const TEXT = /^[^\p{C}]+$/u
const MATCHES_ALL = /^\*+$/

/**
 * Returns the patterns by claim. Throws InvalidInputError unless a claim limits whom a rule admits: every token of a public issuer
 * would satisfy a rule without one.
 */
export function checkClaims(claims: readonly ClaimPattern[], field: string): ClaimPatterns {
  if (claims.length > MAX_CLAIMS)
    throw new InvalidInputError(field, `a rule has at most ${MAX_CLAIMS} claims`)
  const checked = new Map<string, readonly string[]>()
  for (const [at, { name, patterns }] of claims.entries()) {
    const own = `${field}.${at}`
    if (name.length > MAX_NAME_LENGTH || !TEXT.test(name)) {
      throw new InvalidInputError(`${own}.name`, `a claim's name has 1 to ${MAX_NAME_LENGTH} characters`)
    }
    if (checked.has(name))
      throw new InvalidInputError(`${own}.name`, `the claim ${quoted(name)} occurs twice`)
    checkPatterns(name, patterns, `${own}.patterns`)
    checked.set(name, patterns)
  }
  if (![...checked.values()].some((patterns) => !patterns.some((pattern) => MATCHES_ALL.test(pattern)))) {
    throw new InvalidInputError(
      field,
      'a rule requires a claim with a pattern other than "*": otherwise every token of the issuer is accepted',
    )
  }
  return Object.fromEntries(checked)
}

function checkPatterns(name: string, patterns: readonly string[], field: string): void {
  if (patterns.length === 0 || patterns.length > MAX_CLAIMS) {
    throw new InvalidInputError(field, `the claim ${quoted(name)} has 1 to ${MAX_CLAIMS} patterns`)
  }
  for (const [at, pattern] of patterns.entries()) {
    if (pattern.length <= MAX_PATTERN_LENGTH && TEXT.test(pattern)) continue
    throw new InvalidInputError(
      `${field}.${at}`,
      `a pattern has 1 to ${MAX_PATTERN_LENGTH} characters, none of them a control character`,
    )
  }
}

/**
 * Returns the values of a claim as texts; none for a claim that the token does not have, or that is an object. A name that begins
 * with "/" is a JSON pointer to a claim inside of others: `/kubernetes.io/serviceaccount/uid`. Source: RFC 6901.
 */
export function valuesOf(claims: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  const value = name.startsWith('/') ? pointedTo(claims, name) : ownValue(claims, name)
  const values = Array.isArray(value) ? value : [value]
  return values.flatMap((one) =>
    typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean' ? [String(one)] : [],
  )
}

const pointedTo = (claims: Readonly<Record<string, unknown>>, pointer: string): unknown =>
  pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((value, part) => (isObject(value) ? ownValue(value, part) : undefined), claims)

const ownValue = (object: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined

/** Reports whether one of the values matches one of the patterns. */
export const matchesAny = (values: readonly string[], patterns: readonly string[]): boolean =>
  values.some((value) => patterns.some((pattern) => matchesGlob(pattern, value)))
