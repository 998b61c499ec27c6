import { errors } from 'undici'

/** Phase of an exchange. */
export type EgressPhase = 'connect' | 'request' | 'headers' | 'body' | 'total'

/** An error with which `Egress.request` rejects, besides the reason of an aborted signal. */
export abstract class EgressError extends Error {
  abstract readonly code: string
}

/** Why a target is forbidden: by an address that it resolves to, by its scheme, port or login, or because it has no TLS. */
export type ForbiddenTargetProblem = 'address' | 'url' | 'plain'

/**
 * Connections to the target are not allowed. Nothing was sent. The message contains neither the address nor the rule, so that
 * it cannot be used to map a network.
 */
export class ForbiddenTargetError extends EgressError {
  override readonly name = 'ForbiddenTargetError'
  readonly code = 'FORBIDDEN_TARGET'
  readonly problem: ForbiddenTargetProblem

  constructor(problem: ForbiddenTargetProblem) {
    super(`this server may not connect there${problem === 'plain' ? ' without TLS' : ''}`)
    this.problem = problem
  }
}

const TIMEOUT_MESSAGES: Readonly<Record<EgressPhase, string>> = {
  connect: 'the connection was not established in time',
  request: 'the request was not read in time',
  headers: 'no response arrived in time',
  body: 'the response stopped before its end',
  total: 'the response was not complete in time',
}

/** A request timed out in a phase. */
export class EgressTimeoutError extends EgressError {
  override readonly name = 'EgressTimeoutError'
  readonly code = 'TIMEOUT'
  readonly phase: EgressPhase

  constructor(phase: EgressPhase, cause?: unknown) {
    super(TIMEOUT_MESSAGES[phase], { cause })
    this.phase = phase
  }
}

/** The response's body is longer than the request's `maxBytes`; the rest was not read. */
export class BodyTooLargeError extends EgressError {
  override readonly name = 'BodyTooLargeError'
  readonly code = 'BODY_TOO_LARGE'

  /** `limit` in bytes. */
  constructor(limit: number) {
    super(`the response is larger than ${limit} bytes`)
  }
}

/**
 * Why there is no TLS session: the server's certificate does not verify, because of its authority or for another reason; the
 * client's certificate is missing or refused; or the server does not support TLS.
 */
export type TlsProblem = 'authority' | 'certificate' | 'client' | 'protocol'

/** No TLS session. */
export class TlsError extends EgressError {
  override readonly name = 'TlsError'
  readonly code = 'TLS'
  readonly problem: TlsProblem

  constructor(message: string, problem: TlsProblem, cause: unknown) {
    super(message, { cause })
    this.problem = problem
  }
}

/** The connection failed or was lost: unknown name, refused, reset, not HTTP. */
export class ConnectionError extends EgressError {
  override readonly name = 'ConnectionError'
  readonly code = 'CONNECTION'
  /** Whether a retry is likely to succeed. */
  readonly transient: boolean

  constructor(message: string, transient: boolean, cause: unknown) {
    super(message, { cause })
    this.transient = transient
  }
}

/** The proxy could not be used; the target was not reached. */
export class ProxyError extends EgressError {
  override readonly name = 'ProxyError'
  readonly code = 'PROXY'
}

// By the names of OpenSSL, as in Node.js, for common problems; the message of any other contains its name.
const CERTIFICATE_PROBLEMS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate comes from an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that is not trusted here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  CERT_REVOKED: 'its certificate was revoked',
  CERT_UNTRUSTED: 'its certificate is not trusted here',
  // about the client certificate
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it requires a client certificate, and none is configured',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not trust the authority of the client certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it refuses the client certificate',
}
const AUTHORITY_PROBLEM = /SELF_SIGNED_CERT|^UNABLE_TO_|^CERT_UNTRUSTED/

const problemOf = (code: string): TlsProblem => {
  if (code.startsWith('ERR_SSL_')) return 'client'
  return AUTHORITY_PROBLEM.test(code) ? 'authority' : 'certificate'
}

const OTHER_CERTIFICATE_PROBLEM =
  /^(?:CERT_|CRL_|INVALID_|ERROR_IN_CERT|UNABLE_TO_|PATH_LENGTH|HOSTNAME_MISMATCH)/

const CONNECTION_PROBLEMS: Readonly<Record<string, readonly [message: string, transient: boolean]>> = {
  ENOTFOUND: ['its host name does not resolve', false],
  EAI_AGAIN: ['its host name could not be resolved', true],
  ECONNREFUSED: ['the connection was refused', true],
  ECONNRESET: ['the connection was lost', true],
  EPIPE: ['the connection was lost', true],
  UND_ERR_SOCKET: ['the connection was lost', true],
  EHOSTUNREACH: ['its host cannot be reached', true],
  ENETUNREACH: ['its network cannot be reached', true],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ['the response was cut off', true],
  UND_ERR_HEADERS_OVERFLOW: ["the response's headers are too large", false],
  UND_ERR_DESTROYED: ['this server is shutting down', false],
  UND_ERR_CLOSED: ['this server is shutting down', false],
}

const TIMEOUTS: Readonly<Record<string, EgressPhase>> = {
  UND_ERR_CONNECT_TIMEOUT: 'connect',
  ETIMEDOUT: 'connect',
  UND_ERR_HEADERS_TIMEOUT: 'headers',
  UND_ERR_BODY_TIMEOUT: 'body',
}

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : ''

/** Converts errors of DNS, sockets, TLS and the HTTP parser. */
export function toEgressError(error: unknown): EgressError {
  if (error instanceof EgressError) return error
  const code = codeOf(error)
  const phase = TIMEOUTS[code]
  if (phase) return new EgressTimeoutError(phase, error)
  const certificate = CERTIFICATE_PROBLEMS[code]
  if (certificate) return new TlsError(certificate, problemOf(code), error)
  if (OTHER_CERTIFICATE_PROBLEM.test(code)) {
    return new TlsError(`its certificate does not verify (${code})`, 'certificate', error)
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return new TlsError('it does not speak TLS as expected', 'protocol', error)
  }
  if (error instanceof errors.HTTPParserError)
    return new ConnectionError('its response is not HTTP', false, error)
  const [message, transient] = CONNECTION_PROBLEMS[code] ?? ['the connection failed', true]
  return new ConnectionError(message, transient, error)
}
