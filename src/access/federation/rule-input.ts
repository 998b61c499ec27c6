import { X509Certificate } from 'node:crypto'
import { InvalidInputError, quoted } from '../../input/errors.ts'
import { checkRange } from '../../input/range.ts'
import { hasControlCharacter } from '../../oci/control-characters.ts'
import { type ClaimPattern, checkClaims } from './claim-patterns.ts'
import { expandPreset, type Presets } from './presets.ts'
import type { FederationRule, IssuerSettings } from './rule.ts'

/** What a rule accepts and how its issuer is reached, as a user gives it; undefined keeps what a rule has. */
export interface RuleChanges {
  readonly name?: string | null | undefined
  readonly audience?: string | null | undefined
  readonly claims?: readonly ClaimPattern[] | null | undefined
  /** Seconds. */
  readonly maxLifetime?: number | null | undefined
  readonly allowsPullRequests?: boolean | null | undefined
  /** Empty for the URL that the issuer's discovery document names. */
  readonly keysUrl?: string | null | undefined
  /** PEM; empty for none. */
  readonly ca?: string | null | undefined
}

/** A rule, as a user gives it. */
export interface NewRule extends RuleChanges, Presets {
  readonly name: string
  readonly audience: string
  /** Undefined for the usual issuer of the preset. */
  readonly issuer?: string | null | undefined
}

/** What a user decides about a rule. */
export type RuleValues = Pick<
  FederationRule,
  'name' | 'issuer' | 'audience' | 'claims' | 'maxLifetime' | 'allowsPullRequests' | 'settings'
>

const MAX_TEXT_LENGTH = 255
const MAX_PEM_LENGTH = 64 * 1024
/** Seconds. */
const MIN_LIFETIME = 60
const MAX_LIFETIME = 24 * 60 * 60
const DEFAULT_LIFETIME = 60 * 60

/** Returns a new rule. Throws InvalidInputError. */
export function newRule(input: NewRule): RuleValues {
  const preset = expandPreset(input)
  const issuer = input.issuer ?? preset.issuer
  if (issuer === undefined) {
    throw new InvalidInputError('issuer', 'a rule has an issuer: the URL that its tokens have in iss')
  }
  checkUrl(issuer, 'issuer')
  const empty: RuleValues = {
    name: '',
    issuer,
    audience: '',
    claims: {},
    maxLifetime: DEFAULT_LIFETIME,
    allowsPullRequests: false,
    settings: { keysUrl: null, ca: null },
  }
  return changedRule(empty, { ...input, claims: [...preset.claims, ...(input.claims ?? [])] })
}

/** Returns a rule after changes. Throws InvalidInputError. */
export function changedRule(rule: RuleValues, changes: RuleChanges): RuleValues {
  const { name, audience, claims, maxLifetime, allowsPullRequests } = changes
  if (maxLifetime != null) checkRange('maxLifetimeSeconds', maxLifetime, MIN_LIFETIME, MAX_LIFETIME)
  return {
    issuer: rule.issuer,
    name: checkText(name ?? rule.name, 'name'),
    audience: checkText(audience ?? rule.audience, 'audience'),
    claims: claims == null ? rule.claims : checkClaims(claims, 'claims'),
    maxLifetime: maxLifetime ?? rule.maxLifetime,
    allowsPullRequests: allowsPullRequests ?? rule.allowsPullRequests,
    settings: changedSettings(rule.settings, changes),
  }
}

function changedSettings(settings: IssuerSettings, { keysUrl, ca }: RuleChanges): IssuerSettings {
  if (keysUrl) checkUrl(keysUrl, 'keysUrl')
  if (ca) checkCertificate(ca)
  return {
    keysUrl: keysUrl == null ? settings.keysUrl : keysUrl || null,
    ca: ca == null ? settings.ca : ca || null,
  }
}

function checkText(text: string, field: string): string {
  if (text.trim() !== '' && text.length <= MAX_TEXT_LENGTH && !hasControlCharacter(text)) return text
  throw new InvalidInputError(
    field,
    `${field} has 1 to ${MAX_TEXT_LENGTH} characters, no line break among them`,
  )
}

const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]']

function checkUrl(text: string, field: string): void {
  const url = text.length <= MAX_TEXT_LENGTH && URL.canParse(text) ? new URL(text) : undefined
  const isBare = url && url.username === '' && url.password === '' && !text.includes('#')
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK_HOSTS.includes(url.hostname))
  if (isBare && isSafe && !hasControlCharacter(text)) return
  throw new InvalidInputError(
    field,
    `${quoted(text)} is not the URL of an issuer: https://…, without a login; http:// on this machine alone`,
  )
}

function checkCertificate(pem: string): void {
  try {
    if (pem.length > MAX_PEM_LENGTH) throw new Error('too long')
    new X509Certificate(pem)
  } catch (error) {
    throw new InvalidInputError(
      'certificateAuthority',
      `certificateAuthority is a certificate in PEM, at most ${MAX_PEM_LENGTH} characters`,
      { cause: error },
    )
  }
}
