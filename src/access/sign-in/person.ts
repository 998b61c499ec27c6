import { hasControlCharacter } from '../../oci/control-characters.ts'
import { valuesOf } from '../federation/claim-patterns.ts'
import type { Claims } from '../federation/refusals.ts'
import type { ReportedUser } from '../identity/users.ts'
import { SignInError } from './errors.ts'

/** Most groups of a person, and most characters of a text. */
const MAX_GROUPS = 1000
const MAX_TEXT = 255

/** Returns the person that a provider's claims describe. Throws SignInError for claims without a usable subject. */
export function reportedUser(claims: Claims, groupsClaim: string): ReportedUser {
  const [issuer, subject] = [textIn(claims, 'iss'), textIn(claims, 'sub')]
  if (issuer === undefined || subject === undefined) {
    throw new SignInError('invalid', 'the sign-in provider returned no subject, or an unusable one')
  }
  const address = textIn(claims, 'email')
  // grants name people by their address: one that the provider has not verified may be that of another person
  const email = claims.email_verified === true ? address : undefined
  const name = textIn(claims, 'preferred_username') ?? address ?? textIn(claims, 'name') ?? subject
  // a group with a truncated name would be another group
  const groups = new Set(valuesOf(claims, groupsClaim).filter(isUsable))
  return { issuer, subject, name, email: email ?? null, groups: [...groups].slice(0, MAX_GROUPS) }
}

const textIn = (claims: Claims, name: string): string | undefined => {
  const value = claims[name]
  return typeof value === 'string' && isUsable(value) ? value : undefined
}

const isUsable = (text: string): boolean =>
  text !== '' && text.length <= MAX_TEXT && !hasControlCharacter(text)
