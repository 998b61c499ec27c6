import { type ExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql'
import type { Logger } from 'pino'
import type { ErrorCode } from './error-codes.ts'

/** Codes of errors that the domain throws on purpose. */
const DOMAIN_CODES = [
  'FORBIDDEN',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'CONFLICT',
  'INVALID',
  'CURSOR_EXPIRED',
  'REGISTRY_ERROR',
  'TOO_COMPLEX',
] as const satisfies readonly ErrorCode[]

/** Fields of a domain error that clients get in `extensions`, by code. */
const EXPOSED_FIELDS: Partial<Record<ErrorCode, readonly string[]>> = {
  INVALID: ['field'],
  REGISTRY_ERROR: ['registry', 'reason'],
}

/** The log for the details that clients do not get, and the request id under which they are logged. */
export interface ErrorReport {
  readonly requestId: string
  readonly log: Pick<Logger, 'error'>
}

type DomainError = Error & { readonly code: ErrorCode } & Readonly<Record<string, unknown>>

/**
 * Returns the error for the client. GraphQL errors and domain errors keep their message and get `extensions.code`. Any
 * other error becomes `INTERNAL` with the request id, and is logged under that id. Masking a masked error changes
 * nothing and logs nothing.
 */
export function maskError(error: unknown, { requestId, log }: ErrorReport): GraphQLError {
  const ofVariable = error instanceof GraphQLError ? variableError(error) : undefined
  if (ofVariable) return ofVariable
  const cause = rootCause(error)
  if (cause instanceof GraphQLError) return error instanceof GraphQLError ? error : cause
  const at = error instanceof GraphQLError ? error : undefined
  if (isDomainError(cause)) {
    const extensions: Record<string, unknown> = { code: cause.code }
    for (const name of EXPOSED_FIELDS[cause.code] ?? []) {
      if (cause[name] !== undefined) extensions[name] = cause[name]
    }
    return located(cause.message, at, extensions)
  }
  log.error({ requestId, path: at?.path?.join('.'), err: cause }, 'cannot execute operation: internal error')
  // without data, `unexpected` makes the HTTP status 500; `formatError` removes it
  return located(`internal error: the server's log explains it under ${requestId}`, at, {
    code: 'INTERNAL',
    requestId,
    unexpected: true,
  })
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

const rootCause = (error: unknown): unknown => {
  let cause = error
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError
  return cause
}

const isDomainError = (error: unknown): error is DomainError =>
  error instanceof Error && 'code' in error && DOMAIN_CODES.some((code) => code === error.code)

function located(
  message: string,
  at: GraphQLError | undefined,
  extensions: Record<string, unknown>,
): GraphQLError {
  return new GraphQLError(message, {
    nodes: at?.nodes ?? null,
    source: at?.source ?? null,
    positions: at?.positions ?? null,
    path: at?.path ?? null,
    extensions,
  })
}

const INVALID_VALUE = /^(Variable "\$\w+") got invalid value /
const PATH = / at "([\w.[\]]+)"$/
const MISSING =
  /^Variable "\$(\w+)" of (?:required type ".+" was not provided|non-null type ".+" must not be null)\.$/

/**
 * Returns an error with `extensions.code` and `extensions.field`, and without the value, for a variable that is missing
 * or has the wrong type. graphql-js prints the whole input, which may hold a password. Undefined for any other error.
 */
function variableError(error: GraphQLError): GraphQLError | undefined {
  const { message, originalError, nodes } = error
  const missing = MISSING.exec(message)?.[1]
  if (missing !== undefined && !originalError) {
    return new GraphQLError(message, { nodes: nodes ?? null, extensions: extensionsOf(error, missing) })
  }
  const [, variable] = INVALID_VALUE.exec(message) ?? []
  if (variable === undefined || !originalError) return undefined
  const cause = originalError.message
  const [, path] = PATH.exec(message.slice(0, -`; ${cause}`.length)) ?? []
  // the only message of a scalar that repeats the given text
  const safeCause = cause.replace(/(cannot represent a non string value): .*$/s, '$1')
  return new GraphQLError(`${variable} is not of its type${path ? ` at "${path}"` : ''}; ${safeCause}`, {
    nodes: nodes ?? null,
    extensions: extensionsOf(error, path ?? variable.slice('Variable "$'.length, -1)),
  })
}

// list indexes are written as in all other errors: `input.mirrors.0.location`
const extensionsOf = ({ extensions }: GraphQLError, path: string) => ({
  ...extensions,
  code: 'INVALID',
  field: path.replace(/\[(\d+)\]/g, '.$1'),
})
