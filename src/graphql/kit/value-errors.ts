import { GraphQLError } from 'graphql'

const INVALID_VALUE = /^(Variable "\$\w+") got invalid value /
const PATH = / at "([\w.[\]]+)"$/
const MISSING =
  /^Variable "\$(\w+)" of (?:required type ".+" was not provided|non-null type ".+" must not be null)\.$/
/** The last of 50 errors of graphql-js, after which it ignores the others. */
const TOO_MANY = 'Too many errors processing variables, error limit reached. Execution aborted.'
const ARGUMENT = /^Argument "(\w+)" /

/**
 * Returns an error with `extensions.code` and `extensions.field`, and without the value, for a variable that is missing
 * or has the wrong type. graphql-js prints the whole input, which may hold a password. Undefined for any other error.
 */
export function variableError(error: GraphQLError): GraphQLError | undefined {
  const { message, originalError } = error
  if (message === TOO_MANY) return invalid(error, message, 'variables')
  const missing = MISSING.exec(message)?.[1]
  if (missing !== undefined && !originalError) return invalid(error, message, missing)
  const [, variable] = INVALID_VALUE.exec(message) ?? []
  if (variable === undefined || !originalError) return undefined
  const cause = originalError.message
  const [, path] = PATH.exec(message.slice(0, -`; ${cause}`.length)) ?? []
  // the only message of a scalar that repeats the given text
  const safeCause = cause.replace(/(cannot represent a non string value): .*$/s, '$1')
  const text = `${variable} is not of its type${path ? ` at "${path}"` : ''}; ${safeCause}`
  return invalid(error, text, path ?? variable.slice('Variable "$'.length, -1))
}

/**
 * Returns an error with `extensions.code` and `extensions.field` for an argument whose variable is missing or null.
 * Undefined for any other error.
 */
export function argumentError(error: GraphQLError): GraphQLError | undefined {
  const [, argument] = ARGUMENT.exec(error.message) ?? []
  return argument === undefined ? undefined : invalid(error, error.message, argument)
}

function invalid({ nodes, path, extensions }: GraphQLError, message: string, field: string): GraphQLError {
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    path: path ?? null,
    extensions: {
      ...extensions,
      code: 'INVALID',
      // list indexes are written as in all other errors: `input.mirrors.0.location`
      field: field.replace(/\[(\d+)\]/g, '.$1'),
    },
  })
}
