import { GraphQLError } from 'graphql'

const INVALID_VALUE = /^(Variable "\$\w+") got invalid value /
const PATH = / at "([\w.[\]]+)"$/
const MISSING =
  /^Variable "\$(\w+)" of (?:required type ".+" was not provided|non-null type ".+" must not be null)\.$/

/**
 * Returns an error with `extensions.code` and `extensions.field`, and without the value, for a variable that is missing
 * or has the wrong type. graphql-js prints the whole input, which may hold a password. Undefined for any other error.
 */
export function variableError(error: GraphQLError): GraphQLError | undefined {
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
