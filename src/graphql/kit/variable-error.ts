import { GraphQLError } from 'graphql'

const PRINTED = /^(Variable "\$\w+") got invalid value /
const PLACE = / at "([\w.[\]]+)"$/
const MISSING =
  /^Variable "\$(\w+)" of (?:required type ".+" was not provided|non-null type ".+" must not be null)\.$/

/**
 * The error for a variable that is missing or has not its type, with its code and place, and without its value:
 * graphql-js prints the whole input, and one with a misspelled field may hold a password. Undefined for any other error.
 */
export function variableError(error: GraphQLError): GraphQLError | undefined {
  const { message, originalError, nodes } = error
  const missing = MISSING.exec(message)?.[1]
  if (missing !== undefined && !originalError) {
    return new GraphQLError(message, { nodes: nodes ?? null, extensions: extensionsOf(error, missing) })
  }
  const [, variable] = PRINTED.exec(message) ?? []
  if (variable === undefined || !originalError) return undefined
  const why = originalError.message
  const [, place] = PLACE.exec(message.slice(0, -`; ${why}`.length)) ?? []
  // only here a scalar's own words hold a text that was given
  const words = why.replace(/(cannot represent a non string value): .*$/s, '$1')
  return new GraphQLError(`${variable} is not of its type${place ? ` at "${place}"` : ''}; ${words}`, {
    nodes: nodes ?? null,
    extensions: extensionsOf(error, place ?? variable.slice('Variable "$'.length, -1)),
  })
}

// a place in a list is written as in all other errors: `input.mirrors.0.location`
const extensionsOf = ({ extensions }: GraphQLError, place: string) => ({
  ...extensions,
  code: 'INVALID',
  field: place.replace(/\[(\d+)\]/g, '.$1'),
})
