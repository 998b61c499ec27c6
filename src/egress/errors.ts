import { errors } from 'undici'

/** What part of a request ran out of time. */
export type EgressPhase = 'connect' | 'headers' | 'body' | 'total'

/**
 * The target is not one to connect to: its scheme, its port, or an address that it resolves to. Nothing was sent. The
 * message names neither the address nor the rule, so that it cannot be used to map a network.
 */
export class ForbiddenTargetError extends Error {
  override readonly name = 'ForbiddenTargetError'
  readonly code = 'FORBIDDEN_TARGET'

  constructor() {
    super('this server may not connect there')
  }
}

const WAITED_FOR: Readonly<Record<EgressPhase, string>> = {
  connect: 'no connection came about in time',
  headers: 'no answer came in time',
  body: 'the answer stopped coming',
  total: 'the answer was not complete in time',
}

/** A request ran out of time; `phase` says at what. */
export class EgressTimeoutError extends Error {
  override readonly name = 'EgressTimeoutError'
  readonly code = 'TIMEOUT'
  readonly phase: EgressPhase

  constructor(phase: EgressPhase, cause?: unknown) {
    super(WAITED_FOR[phase], { cause })
    this.phase = phase
  }
}

/** The answer's body is longer than the request's `maxBytes`; the rest of it was not read. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError'
  readonly code = 'BODY_TOO_LARGE'
  /** Bytes. */
  readonly limit: number

  constructor(limit: number) {
    super(`the answer is larger than ${limit} bytes`)
    this.limit = limit
  }
}

/** No TLS session: the certificate does not verify, or the other side does not speak TLS at all. */
export class TlsError extends Error {
  override readonly name = 'TlsError'
  readonly code = 'TLS'
  readonly problem: 'certificate' | 'protocol'

  constructor(message: string, problem: 'certificate' | 'protocol', cause: unknown) {
    super(message, { cause })
    this.problem = problem
  }
}

/** The connection failed or broke: unknown name, refused, reset, not HTTP. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly code = 'CONNECTION'
  /** Whether the same request may well succeed a moment later. */
  readonly transient: boolean

  constructor(message: string, transient: boolean, cause: unknown) {
    super(message, { cause })
    this.transient = transient
  }
}

/**
 * The proxy that leads there could not be used. It says nothing of the target: `transient` tells whether the same request
 * may well succeed a moment later.
 */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code = 'PROXY'
  readonly transient: boolean

  constructor(message: string, transient: boolean, cause?: unknown) {
    super(message, { cause })
    this.transient = transient
  }
}

/** All that `Egress.request` rejects with, the aborting signal's reason aside. */
export type EgressError =
  | ForbiddenTargetError
  | EgressTimeoutError
  | BodyTooLargeError
  | TlsError
  | ConnectionError
  | ProxyError

export const isEgressError = (error: unknown): error is EgressError =>
  error instanceof ForbiddenTargetError ||
  error instanceof EgressTimeoutError ||
  error instanceof BodyTooLargeError ||
  error instanceof TlsError ||
  error instanceof ConnectionError ||
  error instanceof ProxyError

// OpenSSL's names as Node.js gives them, for what people meet; any other is shown as it is.
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
  // not of its certificate, but of ours
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it asks for a client certificate, and was shown none',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    'it does not know the authority of the client certificate that it was shown',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it does not take the client certificate that it was shown',
}
const OTHER_CERTIFICATE_PROBLEM =
  /^(?:CERT_|CRL_|INVALID_|ERROR_IN_CERT|UNABLE_TO_|PATH_LENGTH|HOSTNAME_MISMATCH)/

const CONNECTION_PROBLEMS: Readonly<Record<string, readonly [message: string, transient: boolean]>> = {
  ENOTFOUND: ['its host name does not resolve', false],
  EAI_AGAIN: ['its host name could not be resolved', true],
  ECONNREFUSED: ['the connection was refused', true],
  ECONNRESET: ['the connection was broken off', true],
  EPIPE: ['the connection was broken off', true],
  UND_ERR_SOCKET: ['the connection was broken off', true],
  EHOSTUNREACH: ['its host cannot be reached', true],
  ENETUNREACH: ['its network cannot be reached', true],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ['the answer was cut off', true],
  UND_ERR_HEADERS_OVERFLOW: ["the answer's headers are too large", false],
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

/** Sorts whatever DNS, the socket, TLS or the HTTP parser failed with. */
export function toEgressError(error: unknown): EgressError {
  if (isEgressError(error)) return error
  const code = codeOf(error)
  const phase = TIMEOUTS[code]
  if (phase) return new EgressTimeoutError(phase, error)
  const certificate = CERTIFICATE_PROBLEMS[code]
  if (certificate) return new TlsError(certificate, 'certificate', error)
  if (OTHER_CERTIFICATE_PROBLEM.test(code)) {
    return new TlsError(`its certificate does not verify (${code})`, 'certificate', error)
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return new TlsError('it does not speak TLS as expected', 'protocol', error)
  }
  if (error instanceof errors.HTTPParserError)
    return new ConnectionError('it does not answer in HTTP', false, error)
  const [message, transient] = CONNECTION_PROBLEMS[code] ?? ['the connection failed', true]
  return new ConnectionError(message, transient, error)
}
