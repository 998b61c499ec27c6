import { GraphQLError } from 'graphql'

const PRINTED = /^(Variable "\$\w+") got invalid value /
const PLACE = / at "([\w.[\]]+)"$/

/**
 * The error for a variable that has not its type, without the variable's value: graphql-js prints the whole input, and
 * one with a misspelled field may hold a password. Undefined for any other error.
 */
export function withoutValue(error: GraphQLError): GraphQLError | undefined {
  const { message, originalError, nodes, extensions } = error
  const [, variable] = PRINTED.exec(message) ?? []
  if (variable === undefined || !originalError) return undefined
  const why = originalError.message
  const [, place] = PLACE.exec(message.slice(0, -`; ${why}`.length)) ?? []
  // only here a scalar's own words hold a text that was given
  const words = why.replace(/(cannot represent a non string value): .*$/s, '$1')
  return new GraphQLError(`${variable} is not of its type${place ? ` at "${place}"` : ''}; ${words}`, {
    nodes: nodes ?? null,
    extensions,
  })
}
