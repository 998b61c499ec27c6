import type { IncomingMessage, ServerResponse } from 'node:http'
import { passwordIn } from '../../access/presented-password.ts'
import { UnauthenticatedError } from '../../access/right/errors.ts'
import type { Client, Viewer } from '../../access/right/viewer.ts'
import type { BodyMemory } from '../../request-body/body-budget.ts'
import { readBody } from '../../request-body/read-body.ts'
import { respondJson } from '../../request-body/respond.ts'
import { NO_SIGN_IN, type RegistrySignIn } from './dependencies.ts'
import type { CountedClient } from './gate.ts'
import { bearerIn, isJsonWebToken } from './presented.ts'
import { allowedAccess, formatScope, parseScopes } from './scope.ts'

/** Client of a request, and the memory for its body, which the caller releases. */
interface TokenRequestContext extends CountedClient {
  readonly memory: BodyMemory
}

/** What a client presents for a token. */
interface TokenRequest {
  /** A secret, or a token of another issuer; undefined for none. */
  readonly credential: string | undefined
  readonly scopes: readonly string[]
  /** Whether the client wants a credential with which it can ask again. */
  readonly wantsRefresh: boolean
  readonly isExchange: boolean
}

/** Who requests a token, and how long it is valid. */
interface TokenHolder {
  readonly viewer: Viewer
  /** Identifies what was presented: the token is valid as long as it is. Null for a client without a credential. */
  readonly reference: string | null
  /** Milliseconds since 1970; null for the usual lifetime. */
  readonly notAfter: number | null
  /** A secret that can be presented again; null for none. */
  readonly secret: string | null
}

/** The request is not one of this endpoint. Codes: RFC 6749, section 5.2. */
class TokenRequestError extends Error {
  override readonly name = 'TokenRequestError'
  readonly code: 'invalid_request' | 'unsupported_grant_type'

  constructor(code: TokenRequestError['code'], message: string) {
    super(message)
    this.code = code
  }
}

const MAX_BODY_BYTES = 64 * 1024
const NO_STORE = { 'Cache-Control': 'no-store' }
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt'
const SUBJECT_TYPES = [JWT_TYPE, 'urn:ietf:params:oauth:token-type:id_token']

/** Responds to requests for tokens. Rejects with UnreadBodyError, and for an internal error. */
export type TokenEndpoint = ReturnType<typeof createTokenEndpoint>

/**
 * Creates the endpoint at which clients exchange a credential for a token of the registry. The token includes what of the wanted
 * access the client may have now: asking for more is no error. Sources: Docker token specification; its OAuth 2 form; RFC 8693.
 */
export function createTokenEndpoint({ authentication, tokens, subjects, federation }: RegistrySignIn) {
  const isOpen = authentication.mode === 'OPEN'

  const holderOf = async ({ credential, scopes }: TokenRequest, client: Client): Promise<TokenHolder> => {
    // a login: other requests name what they want to do, and their credential is ignored
    if (isOpen && credential !== undefined && scopes.length === 0) throw new UnauthenticatedError(NO_SIGN_IN)
    if (isOpen || credential === undefined) {
      const viewer = await authentication.viewerOf({}, client)
      return { viewer, reference: null, notAfter: null, secret: null }
    }
    // also a token of this endpoint, which no rule accepts: tokens do not renew themselves
    if (isJsonWebToken(credential)) {
      const { viewer, credential: reference, expiresAt } = await federation.admit(credential, client)
      return { viewer, reference, notAfter: expiresAt, secret: null }
    }
    const viewer = await authentication.viewerOf({ authorization: `Bearer ${credential}` }, client)
    return { viewer, reference: subjects.referenceOf(credential), notAfter: null, secret: credential }
  }

  const issue = async (request: TokenRequest, { admit, ...client }: CountedClient): Promise<object> => {
    const { scopes, wantsRefresh, isExchange } = request
    const { viewer, reference, notAfter, secret } = await holderOf(request, client)
    admit(viewer)
    const access = allowedAccess(viewer.rights, parseScopes(scopes))
    const subject = { principal: viewer.id, name: viewer.name, credential: reference }
    // an exchange that names no access is for the whole API
    const limits = { access: isExchange && scopes.length === 0 ? null : access, notAfter }
    const issued = await tokens.issue(subject, limits)
    return {
      token: issued.text,
      access_token: issued.text,
      expires_in: issued.lifetime,
      issued_at: new Date(issued.issuedAt).toISOString(),
      scope: access.map(formatScope).join(' '),
      ...(isExchange && { issued_token_type: JWT_TYPE, token_type: 'Bearer' }),
      // the secret itself: it can be used again, and is revoked as one
      ...(wantsRefresh && secret !== null && { refresh_token: secret }),
    }
  }

  const read = async (request: IncomingMessage, memory: BodyMemory): Promise<TokenRequest> => {
    if (request.method !== 'POST') return requestOfQuery(request)
    const body = await readBody(request, { maxBytes: MAX_BODY_BYTES, memory })
    return requestOfForm(new URLSearchParams(body.toString()))
  }

  return async (
    request: IncomingMessage,
    response: ServerResponse,
    { memory, ...client }: TokenRequestContext,
  ): Promise<void> => {
    const { method = '' } = request
    if (method !== 'GET' && method !== 'POST') {
      const error = new TokenRequestError('invalid_request', 'method not allowed: use GET or POST')
      return respondJson(response, 405, errorBody(error.code, error.message), {
        ...NO_STORE,
        Allow: 'GET, POST',
      })
    }
    try {
      respondJson(response, 200, await issue(await read(request, memory), client), NO_STORE)
    } catch (error) {
      if (error instanceof UnauthenticatedError) {
        respondJson(response, 401, errorBody('invalid_grant', error.message), NO_STORE)
      } else if (error instanceof TokenRequestError) {
        respondJson(response, 400, errorBody(error.code, error.message), NO_STORE)
      } else {
        throw error
      }
    }
  }
}

/** Returns the request of `GET /token?scope=…`. */
function requestOfQuery({ url = '', headers: { authorization } }: IncomingMessage): TokenRequest {
  const at = url.indexOf('?')
  const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
  const credential = passwordIn(authorization ?? '') ?? bearerIn(authorization)
  if (authorization !== undefined && credential === undefined)
    throw new UnauthenticatedError(
      'the Authorization header must be Basic, with an access token as the password',
    )
  const wantsRefresh = query.get('offline_token') === 'true'
  return { credential, scopes: query.getAll('scope'), wantsRefresh, isExchange: false }
}

/** Returns the request of a form. Throws TokenRequestError. */
function requestOfForm(form: URLSearchParams): TokenRequest {
  const grantType = form.get('grant_type') ?? ''
  const field = CREDENTIAL_FIELDS.get(grantType)
  if (field === undefined) {
    const allowed = [...CREDENTIAL_FIELDS.keys()].join(', ')
    throw new TokenRequestError('unsupported_grant_type', `grant_type must be one of ${allowed}`)
  }
  const credential = form.get(field)
  if (!credential) throw new TokenRequestError('invalid_request', `the field ${field} is missing`)
  const isExchange = grantType === EXCHANGE
  if (isExchange && !SUBJECT_TYPES.includes(form.get('subject_token_type') ?? '')) {
    const allowed = SUBJECT_TYPES.join(' or ')
    throw new TokenRequestError('invalid_request', `subject_token_type must be ${allowed}`)
  }
  const wantsRefresh = grantType === 'refresh_token' || form.get('access_type') === 'offline'
  return { credential, scopes: form.getAll('scope'), wantsRefresh, isExchange }
}

/** The field that has the credential, by grant type. */
const CREDENTIAL_FIELDS: ReadonlyMap<string, string> = new Map([
  ['password', 'password'],
  ['refresh_token', 'refresh_token'],
  [EXCHANGE, 'subject_token'],
])

/** Returns the body of an error for both kinds of clients: those of OAuth 2, and those that print `errors`. */
const errorBody = (code: string, message: string) => ({
  error: code,
  error_description: message,
  errors: [{ code: 'UNAUTHORIZED', message }],
})
