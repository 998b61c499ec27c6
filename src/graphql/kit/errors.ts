import { type ExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql'
import type { Logger } from 'pino'
import { variableError } from './variable-error.ts'

/** What `extensions.code` says of an error that the domain foresaw. */
export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'CONFLICT'
  | 'INVALID'
  | 'CURSOR_EXPIRED'
  | 'REGISTRY_ERROR'
  | 'RATE_LIMITED'
  | 'TOO_COMPLEX'

const CODES: ReadonlySet<unknown> = new Set<ErrorCode>([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'CONFLICT',
  'INVALID',
  'CURSOR_EXPIRED',
  'REGISTRY_ERROR',
  'RATE_LIMITED',
  'TOO_COMPLEX',
])

/** Which fields of a foreseen error clients see, for each code. */
const SHOWN: Partial<Record<ErrorCode, readonly string[]>> = {
  INVALID: ['field'],
  REGISTRY_ERROR: ['registry', 'reason'],
}

/** Under which id, and where, what clients do not see is written. */
export interface ErrorReport {
  readonly requestId: string
  readonly log: Pick<Logger, 'error'>
}

type ForeseenError = Error & { readonly code: ErrorCode } & Readonly<Record<string, unknown>>

/**
 * What a client may know of an error: GraphQL's own and foreseen ones as they are, with `extensions.code`; of all others
 * that they happened, and the id under which the log tells what. Masking twice changes nothing and logs once.
 */
export function maskError(error: unknown, { requestId, log }: ErrorReport): GraphQLError {
  const ofVariable = error instanceof GraphQLError ? variableError(error) : undefined
  if (ofVariable) return ofVariable
  const cause = rootCause(error)
  if (cause instanceof GraphQLError) return error instanceof GraphQLError ? error : cause
  const at = error instanceof GraphQLError ? error : undefined
  if (isForeseen(cause)) {
    const extensions: Record<string, unknown> = { code: cause.code }
    for (const name of SHOWN[cause.code] ?? []) {
      if (cause[name] !== undefined) extensions[name] = cause[name]
    }
    return located(cause.message, at, extensions)
  }
  log.error({ requestId, path: at?.path?.join('.'), err: cause }, 'unforeseen error')
  // `unexpected` makes the answer a 500 when there is no data; it is not shown
  return located(`something went wrong inside the server; its log has it under ${requestId}`, at, {
    code: 'INTERNAL',
    requestId,
    unexpected: true,
  })
}

/** The result with each of its errors masked. */
export function maskResult<Result extends ExecutionResult>(result: Result, report: ErrorReport): Result {
  if (!result.errors) return result
  return { ...result, errors: result.errors.map((error) => maskError(error, report)) }
}

/** A masked error as clients get it: without the notes that are for the HTTP answer. */
export function formatError(error: GraphQLError): GraphQLFormattedError {
  const { extensions, ...rest } = error.toJSON()
  const { http, unexpected, ...shown } = extensions ?? {}
  return Object.keys(shown).length > 0 ? { ...rest, extensions: shown } : rest
}

const rootCause = (error: unknown): unknown => {
  let cause = error
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError
  return cause
}

const isForeseen = (error: unknown): error is ForeseenError =>
  error instanceof Error && 'code' in error && CODES.has(error.code)

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
