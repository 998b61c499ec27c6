import {
  type ExecutionResult,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
} from 'graphql'
import type { Logger } from 'pino'
import type { FailureReason } from '../../oci/failure-reason.ts'
import { isObject } from '../../oci/json.ts'
import { ERROR_CODES, type ErrorCode } from './error-codes.ts'
import { failureReasonName } from './failure-reason.ts'
import { unavailability } from './unavailability.ts'
import { argumentError, variableError } from './value-errors.ts'

/** `extensions` of every error of a response. */
export interface ErrorExtensions {
  readonly code: ErrorCode
  /** Path of the argument or variable that is not valid, such as `mirrors.0.location`; of INVALID. */
  readonly field?: string
  /** Host of the registry that failed, as in pull specs; of REGISTRY_ERROR. */
  readonly registry?: string
  /** Why it failed: a value of the enum `FailureReason`; of REGISTRY_ERROR. */
  readonly reason?: string
  /** Seconds after which the operation is served; of RATE_LIMITED. */
  readonly retryAfterSeconds?: number
  /** Id under which the log has the details; of INTERNAL and UNAVAILABLE. */
  readonly requestId?: string
}

/** Codes of errors that the domain throws on purpose. */
const DOMAIN_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'CONFLICT',
  'INVALID',
  'CURSOR_EXPIRED',
  'REGISTRY_ERROR',
  'TOO_COMPLEX',
  'RATE_LIMITED',
] as const satisfies readonly ErrorCode[]

/** An error of the domain, with the fields that clients get in `extensions`. */
interface DomainError extends Error {
  readonly code: (typeof DOMAIN_CODES)[number]
  readonly field?: string
  readonly registry?: string
  readonly reason?: FailureReason
  readonly retryAfterSeconds?: number
}

/** The log for the details that clients do not get, and the request id under which they are logged. */
export interface ErrorReport {
  readonly requestId: string
  readonly log: Pick<Logger, 'error'>
}

/**
 * Returns the error for the client. GraphQL errors and domain errors keep their message and get `extensions.code`. A
 * failed write to a full or read-only storage becomes `UNAVAILABLE`, any other error `INTERNAL`: both have the request id,
 * and are logged under that id. Masking a masked error changes nothing and logs nothing.
 */
export function maskError(error: unknown, { requestId, log }: ErrorReport): GraphQLError {
  const at = error instanceof GraphQLError ? error : undefined
  const ofVariable = at && variableError(at)
  if (ofVariable) return ofVariable
  const cause = rootCause(error)
  if (cause instanceof GraphQLError) {
    const ofRequest = at ?? cause
    if (hasCode(ofRequest)) return withoutOthers(ofRequest)
    const ofArgument = argumentError(ofRequest)
    if (ofArgument) return ofArgument
  } else if (isDomainError(cause)) return located(shortened(cause.message), at, extensionsOf(cause))
  const unavailable = unavailability(cause)
  log.error(
    { requestId, path: at?.path?.join('.'), err: cause },
    `cannot execute operation: ${unavailable ?? 'internal error'}`,
  )
  // without data, `unexpected` makes the HTTP status 500; `formatError` removes it
  const extensions = { code: unavailable ? 'UNAVAILABLE' : 'INTERNAL', requestId, unexpected: true } as const
  return located(
    unavailable ?? `internal error: the server's log explains it under ${requestId}`,
    at,
    extensions,
  )
}

/** Returns the result with each of its errors masked. */
export function maskResult<Result extends ExecutionResult>(result: Result, report: ErrorReport): Result {
  if (!result.errors) return result
  return { ...result, errors: result.errors.map((error) => maskError(error, report)) }
}

/** Returns a masked error as clients get it: without the extensions that only set the HTTP status. */
export function formatError(error: GraphQLError): GraphQLFormattedError {
  const { extensions, ...rest } = error.toJSON()
  const { http, unexpected, ...exposed } = extensions ?? {}
  return Object.keys(exposed).length > 0 ? { ...rest, extensions: exposed } : rest
}

type MaskedResult = { readonly [Name in keyof ExecutionResult]: ExecutionResult[Name] | undefined }

/** Returns a masked result as clients get it. */
export const formatResult = ({ data, errors, extensions }: MaskedResult): FormattedExecutionResult => ({
  ...(errors && { errors: errors.map(formatError) }),
  ...(data !== undefined && { data }),
  ...(extensions && { extensions }),
})

const rootCause = (error: unknown): unknown => {
  let cause = error
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError
  return cause
}

const hasCode = ({ extensions: { code } }: GraphQLError): boolean =>
  typeof code === 'string' && Object.hasOwn(ERROR_CODES, code)

/** Names of `ErrorExtensions`, and the two that only set the HTTP status. */
const EXTENSIONS: ReadonlySet<string> = new Set<keyof ErrorExtensions | 'http' | 'unexpected'>([
  ...(['code', 'field', 'registry', 'reason', 'retryAfterSeconds', 'requestId'] as const),
  ...(['http', 'unexpected'] as const),
])

/** Returns the error without the extensions that a library added, such as the text of a parser's error. */
function withoutOthers(error: GraphQLError): GraphQLError {
  const entries = Object.entries(error.extensions)
  const known = entries.filter(([name]) => EXTENSIONS.has(name))
  if (known.length === entries.length) return error
  const { message, nodes = null, source = null, positions = null, path = null } = error
  const extensions = Object.fromEntries(known)
  // Yoga keeps the status of such an error only without `spec`
  if (isObject(extensions.http)) extensions.http = { ...extensions.http, spec: false }
  return new GraphQLError(message, { nodes, source, positions, path, extensions })
}

/** Maximum number of characters of a message. */
const MAX_MESSAGE = 2_000

/**
 * Returns the message without its middle if it is too long: messages quote arguments, and each alias of a field repeats its
 * message.
 */
const shortened = (message: string): string =>
  message.length <= MAX_MESSAGE
    ? message
    : `${message.slice(0, MAX_MESSAGE / 2)} … ${message.slice(-MAX_MESSAGE / 4)}`

const isDomainError = (error: unknown): error is DomainError =>
  error instanceof Error && 'code' in error && DOMAIN_CODES.some((code) => code === error.code)

function extensionsOf(error: DomainError): ErrorExtensions {
  const { code, field, registry, reason, retryAfterSeconds } = error
  if (code === 'INVALID') return { code, ...(field !== undefined && { field }) }
  if (code === 'RATE_LIMITED') return { code, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) }
  if (code !== 'REGISTRY_ERROR') return { code }
  return {
    code,
    ...(registry !== undefined && { registry }),
    ...(reason !== undefined && { reason: failureReasonName(reason) }),
  }
}

const located = (
  message: string,
  at: GraphQLError | undefined,
  extensions: ErrorExtensions & { readonly unexpected?: true },
): GraphQLError =>
  new GraphQLError(message, {
    nodes: at?.nodes ?? null,
    source: at?.source ?? null,
    positions: at?.positions ?? null,
    path: at?.path ?? null,
    extensions: { ...extensions },
  })
