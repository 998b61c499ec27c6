import type { createRuleReferences } from './federation/rule-reference.ts'
import type { PrincipalRights } from './grant/principal-rights.ts'
import { UnauthenticatedError } from './right/errors.ts'
import type { Client, Viewer } from './right/viewer.ts'
import type { SignedTokens, TokenSubject } from './signed-token/signed-tokens.ts'
import type { BearerForm } from './token/credential.ts'
import type { createStoredCredentials } from './token/stored-credentials.ts'

interface TokenSubjectDependencies extends PrincipalRights {
  readonly stored: Pick<ReturnType<typeof createStoredCredentials>, 'referenceOf' | 'byReference'>
  readonly rules: ReturnType<typeof createRuleReferences>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The identities behind signed tokens: a token is valid as long as the credential, or the rule, for which it was issued. */
export type TokenSubjects = ReturnType<typeof createTokenSubjects>

export function createTokenSubjects({ stored, rules, rightsOf, now }: TokenSubjectDependencies) {
  const isValid = ({ principal, credential: reference }: TokenSubject): boolean => {
    if (reference === null) return true
    if (rules.isReference(reference)) return rules.isCurrent(reference)
    const credential = stored.byReference(reference)
    return credential?.principal === principal && (credential.expiresAt ?? Number.POSITIVE_INFINITY) > now()
  }

  return {
    /** Reports whether the credential of the token is still valid. */
    isValid,

    /** Returns a text that identifies the credential with this secret and does not reveal it. Throws UnauthenticatedError. */
    referenceOf(secret: string): string {
      const reference = stored.referenceOf(secret)
      if (reference === undefined)
        throw new UnauthenticatedError('the credential is not a session or an access token')
      return reference
    },

    /** Returns the viewer that a token stands for, with its rights now. Undefined once its credential is no longer valid. */
    viewerOf(subject: TokenSubject, { address, requestId }: Client): Viewer | undefined {
      const { principal: id, name } = subject
      return isValid(subject) ? { id, name, rights: rightsOf(id), address, requestId } : undefined
    },
  }
}

/** Returns the form of signed tokens that are not limited: those of the registry are not for the API. */
export const signedTokenForm =
  (tokens: Pick<SignedTokens, 'verify'>, subjects: Pick<TokenSubjects, 'isValid'>): BearerForm =>
  async (text) => {
    if (!text.includes('.')) return undefined
    const { subject, access, expiresAt } = await tokens.verify(text)
    if (access !== null)
      throw new UnauthenticatedError('the token is for the registry alone: exchange one without "scope"')
    const isValid = (): boolean => subjects.isValid(subject)
    return isValid() ? { principal: subject.principal, name: subject.name, expiresAt, isValid } : undefined
  }
