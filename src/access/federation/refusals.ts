import { quoted } from '../../input/errors.ts'
import { matchesAny, valuesOf } from './claim-patterns.ts'
import { withoutIds } from './github-subject.ts'
import { pullRequestClaim } from './pull-request.ts'
import type { TokenRequirements } from './rule.ts'

/** Why a rule does not accept a token. */
export type RefusalReason =
  | 'DISABLED'
  | 'ISSUER'
  | 'ISSUER_UNAVAILABLE'
  | 'SIGNATURE'
  | 'AUDIENCE'
  | 'CLAIM'
  | 'PULL_REQUEST'
  | 'EXPIRED'
  | 'NOT_YET_VALID'
  | 'LIFETIME'

/** One thing that a token lacks. */
export interface Refusal {
  readonly reason: RefusalReason
  /** Name of the claim that decides; null where none does. */
  readonly claim: string | null
  /** For people. Has values of single claims, and never the token. */
  readonly message: string
}

/** Claims of a token whose signature may not have been verified. */
export type Claims = Readonly<Record<string, unknown>>

/** Seconds by which the clocks of an issuer and of this server may differ. */
export const CLOCK_TOLERANCE = 30

const refusal = (reason: RefusalReason, claim: string | null, message: string): Refusal => ({
  reason,
  claim,
  message,
})

/**
 * Returns everything that the rule requires and the token's claims do not have: nothing for a token that the rule accepts, if its
 * signature is that of the issuer. `now` in milliseconds since 1970.
 */
export function refusalsOf(rule: TokenRequirements, claims: Claims, now: number): Refusal[] {
  if (claims.iss !== rule.issuer) return [otherIssuer(rule, claims)]
  return [
    ...audienceRefusals(rule, claims),
    ...Object.entries(rule.claims).flatMap(([name, patterns]) => claimRefusals(name, patterns, claims)),
    ...pullRequestRefusals(rule, claims),
    ...timeRefusals(rule, claims, now / 1000),
  ]
}

const otherIssuer = ({ issuer }: TokenRequirements, { iss }: Claims): Refusal =>
  refusal('ISSUER', 'iss', `the token is from ${shown(iss)}: the rule is for tokens from ${issuer}`)

function audienceRefusals({ audience }: TokenRequirements, claims: Claims): Refusal[] {
  const values = valuesOf(claims, 'aud')
  if (values.includes(audience)) return []
  const found = values.length === 0 ? 'no audience' : `the audience ${listed(values)}`
  return [refusal('AUDIENCE', 'aud', `the token has ${found}: the rule requires ${quoted(audience)}`)]
}

function claimRefusals(name: string, patterns: readonly string[], claims: Claims): Refusal[] {
  const values = valuesOf(claims, name)
  if (matchesAny(values, patterns)) return []
  const required = `the rule requires ${listed(patterns)}`
  if (values.length === 0) return [refusal('CLAIM', name, `the token has no claim ${name}: ${required}`)]
  const old = name === 'sub' ? values.flatMap((value) => withoutIds(value) ?? []) : []
  const hint = matchesAny(old, patterns)
    ? '; GitHub has added identifiers to sub: pin repository_id and repository_owner_id instead'
    : ''
  return [refusal('CLAIM', name, `${name} is ${listed(values)}: ${required}${hint}`)]
}

function pullRequestRefusals({ allowsPullRequests }: TokenRequirements, claims: Claims): Refusal[] {
  const claim = allowsPullRequests ? undefined : pullRequestClaim(claims)
  if (claim === undefined) return []
  const message = `${claim} is ${listed(valuesOf(claims, claim))}: the rule does not allow pull requests`
  return [refusal('PULL_REQUEST', claim, message)]
}

/** `now` in seconds since 1970, as the times of tokens. */
function timeRefusals({ maxLifetime }: TokenRequirements, { exp, nbf, iat }: Claims, now: number): Refusal[] {
  const refusals: Refusal[] = []
  if (!isTime(exp)) refusals.push(refusal('EXPIRED', 'exp', 'the token has no time of expiry (exp)'))
  else if (now >= exp + CLOCK_TOLERANCE) {
    refusals.push(refusal('EXPIRED', 'exp', `the token expired at ${timeText(exp)}`))
  }
  const valid = isTime(nbf) ? nbf : 0
  if (now < valid - CLOCK_TOLERANCE) {
    refusals.push(refusal('NOT_YET_VALID', 'nbf', `the token is valid from ${timeText(valid)} on`))
  }
  if (!isTime(iat)) refusals.push(refusal('LIFETIME', 'iat', 'the token has no time of issue (iat)'))
  else if (now < iat - CLOCK_TOLERANCE) {
    refusals.push(refusal('NOT_YET_VALID', 'iat', `the token is issued at ${timeText(iat)}, in the future`))
  } else if (now >= iat + maxLifetime + CLOCK_TOLERANCE) {
    const message = `the token was issued at ${timeText(iat)}: the rule accepts it for ${maxLifetime} seconds`
    refusals.push(refusal('LIFETIME', 'iat', message))
  }
  return refusals
}

/** Returns the milliseconds since 1970 from which the rule no longer accepts a token that it accepts now. */
export const acceptedUntil = ({ maxLifetime }: TokenRequirements, { exp, iat }: Claims): number =>
  (Math.min(Number(exp), Number(iat) + maxLifetime) + CLOCK_TOLERANCE) * 1000

/** Seconds since 1970 of the year 3000: a later time is none, and could not be written. */
const LAST_TIME = 32_503_680_000

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= LAST_TIME

const timeText = (seconds: number): string => new Date(seconds * 1000).toISOString()

const shown = (value: unknown): string => (typeof value === 'string' ? quoted(value) : 'no issuer')

/** Most values in a message. */
const MAX_LISTED = 5

const listed = (values: readonly string[]): string =>
  [...values.slice(0, MAX_LISTED).map(quoted), ...(values.length > MAX_LISTED ? ['…'] : [])].join(' or ')
