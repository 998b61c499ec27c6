import type { IncomingMessage } from 'node:http'
import type { TokenAccess } from '../../access/signed-token/signed-tokens.ts'
import { OciError } from '../../oci/oci-error.ts'
import { formatScope } from './scope.ts'

/** Path of the token endpoint. */
export const TOKEN_PATH = '/token'

/** Names of this server in challenges. */
export interface ServerNames {
  /** Returns the name of the registry, for which tokens are issued. */
  readonly service: () => string
  /** Origin under which clients reach this server; null for the name with which a client addresses it. */
  readonly publicUrl: URL | null
}

/** A name or an address, with or without a port: nothing that ends a quoted text. */
const HOST = /^[\w.:[\]-]+$/

/** Why a request is answered with a challenge. Source: RFC 6750, section 3.1. */
export interface SignInChallenge {
  readonly message: string
  /** Access that a token needs for the request; none for a request without a repository. */
  readonly wanted: readonly TokenAccess[]
  /** Absent for a request without a credential. */
  readonly error?: 'invalid_token' | 'insufficient_scope'
}

/** Returns the error that asks the client for a token. Source: Docker token specification, how to authenticate. */
export function unauthorized(
  request: IncomingMessage,
  { service, publicUrl }: ServerNames,
  { message, wanted, error }: SignInChallenge,
): OciError {
  const parameters = {
    realm: `${publicUrl?.origin ?? addressedAs(request, service())}${TOKEN_PATH}`,
    service: service(),
    ...(wanted.length > 0 && { scope: wanted.map(formatScope).join(' ') }),
    ...(error && { error }),
  }
  const text = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`)
  return new OciError('UNAUTHORIZED', message, {
    headers: { 'WWW-Authenticate': `Bearer ${text.join(',')}` },
  })
}

/** Returns the origin in the request's own headers. A proxy that ends TLS can only raise `http` to `https`. */
function addressedAs({ headers }: IncomingMessage, fallback: string): string {
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http'
  const host = headers.host ?? ''
  return `${scheme}://${HOST.test(host) ? host : fallback}`
}
