import { randomUUID } from 'node:crypto'
import { type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import { isObject } from '../../oci/json.ts'
import { UnauthenticatedError } from '../right/errors.ts'
import type { TokenSigningKey } from './signing-key.ts'

/** Whom a token stands for. Its rights are not in the token: they are those that the principal has at each use. */
export interface TokenSubject {
  /** Id of the viewer: `token:7`, `anonymous`. */
  readonly principal: string
  /** The principal for people. */
  readonly name: string
  /** Identifies the credential for which the token was issued, and with which it becomes invalid; null for none. */
  readonly credential: string | null
}

/** Actions on one resource to which a token is limited. Source: Docker token specification, JWT claims. */
export interface TokenAccess {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

/** What a token says, once it is verified. */
export interface TokenContent {
  readonly subject: TokenSubject
  /** Null for a token that is not limited. */
  readonly access: readonly TokenAccess[] | null
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** What limits a token. */
export interface TokenLimits {
  /** Null for no limit. */
  readonly access: TokenContent['access']
  /** Milliseconds since 1970 after which the token is not valid; null for its usual lifetime. */
  readonly notAfter: number | null
}

/** A token that was issued, with its lifetime in seconds. */
export interface IssuedToken {
  readonly text: string
  readonly lifetime: number
  /** Milliseconds since 1970. */
  readonly issuedAt: number
}

/** Tokens that live for minutes, for programs that exchange a credential for them: JSON Web Tokens of this server. */
export type SignedTokens = ReturnType<typeof createSignedTokens>

interface SignedTokenDependencies {
  readonly key: TokenSigningKey
  /** Returns the name of this server, for which its tokens are issued and by which they are accepted. */
  readonly service: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Seconds at most. Clients ask for another token before each longer operation. */
const LIFETIME = 300
const ALGORITHM = 'ES256'
/** Verified tokens that are remembered: a push sends one with each of its requests. */
const MAX_REMEMBERED = 2_000

const NOT_VALID =
  'the token is not valid, or has expired: request another one from /token, also with a token of another issuer'

/** Creates the tokens of one key. */
export function createSignedTokens({ key, service, now }: SignedTokenDependencies) {
  const remembered = new LRUCache<string, TokenContent>({ max: MAX_REMEMBERED })

  const verified = async (text: string): Promise<JWTPayload | undefined> => {
    try {
      // the key and its algorithm are ours: nothing in the token's header selects another
      const { payload, protectedHeader } = await jwtVerify(text, key.publicKey, {
        algorithms: [ALGORITHM],
        typ: 'JWT',
        issuer: service(),
        audience: service(),
        requiredClaims: ['sub', 'exp', 'iat'],
        currentDate: new Date(now()),
      })
      return protectedHeader.kid === key.id ? payload : undefined
    } catch {
      return undefined
    }
  }

  return {
    /** Returns a token for the subject. */
    async issue(
      { principal, name, credential }: TokenSubject,
      { access, notAfter }: TokenLimits,
    ): Promise<IssuedToken> {
      const issuedAt = now()
      const seconds = Math.floor(issuedAt / 1000)
      const lifetime = Math.min(LIFETIME, Math.floor((notAfter ?? Number.POSITIVE_INFINITY) / 1000) - seconds)
      const claims = { name, ...(credential !== null && { credential }), ...(access && { access }) }
      const text = await new SignJWT(claims)
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid: key.id })
        .setIssuer(service())
        .setAudience(service())
        .setSubject(principal)
        .setIssuedAt(seconds)
        .setNotBefore(seconds)
        .setExpirationTime(seconds + lifetime)
        .setJti(randomUUID())
        .sign(key.privateKey)
      return { text, lifetime, issuedAt }
    },

    /** Returns what the token says. Rejects with UnauthenticatedError for any text that is not a valid token of this server. */
    async verify(text: string): Promise<TokenContent> {
      const known = remembered.get(text)
      if (known && known.expiresAt > now()) return known
      const payload = await verified(text)
      const content = payload && contentOf(payload)
      if (!content) throw new UnauthenticatedError(NOT_VALID)
      remembered.set(text, content)
      return content
    },
  }
}

function contentOf({ sub, exp, name, credential, access }: JWTPayload) {
  if (sub === undefined || exp === undefined || typeof name !== 'string') return undefined
  const subject = { principal: sub, name, credential: typeof credential === 'string' ? credential : null }
  return { subject, access: access === undefined ? null : accessOf(access), expiresAt: exp * 1000 }
}

/** Returns the entries of the claim; none for anything else than a list. */
function accessOf(access: unknown): TokenAccess[] {
  const entries: unknown[] = Array.isArray(access) ? access : []
  return entries.filter(isTokenAccess)
}

const isTokenAccess = (entry: unknown): entry is TokenAccess =>
  isObject(entry) &&
  typeof entry.type === 'string' &&
  typeof entry.name === 'string' &&
  Array.isArray(entry.actions) &&
  entry.actions.every((action) => typeof action === 'string')
