import type { Database } from '../../db/open.ts'
import { UnauthenticatedError } from '../right/errors.ts'
import type { BegunSessions } from './begun-sessions.ts'
import { json, oauthError, type SignInRequest, type SignInResponse } from './messages.ts'

/** Why a code is not exchanged. Source: RFC 6749 §5.2, RFC 8628 §3.5. */
export class TokenRequestError extends Error {
  override readonly name = 'TokenRequestError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** A person who has allowed a program to act as them. */
export interface Granted {
  readonly userId: number
}

interface CodeExchangeDependencies {
  readonly db: Database
  readonly begun: BegunSessions
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Exchanges of codes, by `grant_type`. Each throws TokenRequestError. */
  readonly exchanges: Readonly<Record<string, (form: URLSearchParams) => Granted>>
}

/** Creates the endpoint at which programs exchange a code for a session: `iss_…`, a bearer token. */
export const createCodeExchange =
  ({ db, begun, now, exchanges }: CodeExchangeDependencies) =>
  ({ form, client }: SignInRequest): SignInResponse => {
    const grantType = form.get('grant_type') ?? ''
    const exchange = Object.hasOwn(exchanges, grantType) ? exchanges[grantType] : undefined
    if (!exchange) {
      return oauthError('unsupported_grant_type', `grant_type is ${Object.keys(exchanges).join(' or ')}`)
    }
    try {
      const { userId } = exchange(form)
      const { secret, session } = db.transact((tx) => begun.atCommandLine(tx, userId, client))
      const expiresIn = Math.floor((session.expiresAt - now()) / 1000)
      return json(200, { access_token: secret, token_type: 'Bearer', expires_in: expiresIn })
    } catch (error) {
      if (error instanceof TokenRequestError) return oauthError(error.code, error.message)
      if (error instanceof UnauthenticatedError) return oauthError('invalid_grant', error.message)
      throw error
    }
  }
