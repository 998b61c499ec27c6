import { GraphQLError, Kind } from 'graphql'
import { isDigest } from '../../oci/digest.ts'
import { builder } from './builder.ts'

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i

const refuse = (message: string): never => {
  throw new GraphQLError(message)
}

builder.scalarType('DateTime', {
  description: 'A point in time as RFC 3339 writes it, in UTC: `2024-05-01T12:30:00.000Z`.',
  serialize: (time) => new Date(time).toISOString(),
  parseValue: (value) => {
    const time = typeof value === 'string' && RFC3339.test(value) ? Date.parse(value) : Number.NaN
    // well written, and yet no time: the 13th month
    return Number.isNaN(time) ? refuse('DateTime is text as RFC 3339 writes it: 2024-05-01T12:30:00Z') : time
  },
})

builder.scalarType('Digest', {
  description:
    'What content is called after its own bytes: `sha256:` and 64, or `sha512:` and 128, lowercase hexadecimal digits.',
  serialize: (digest) => digest,
  parseValue: (value) =>
    isDigest(value)
      ? value
      : refuse('Digest is sha256: and 64, or sha512: and 128, lowercase hexadecimal digits'),
})

builder.scalarType('BigInt', {
  description:
    'A whole number that may be larger than `Int` allows, written as a JSON integer; exact up to 2^53.',
  serialize: (value) => value,
  parseValue: (value) =>
    typeof value === 'number' && Number.isSafeInteger(value)
      ? value
      : refuse('BigInt is a whole number of at most 2^53'),
  parseLiteral: (node) =>
    node.kind === Kind.INT && Number.isSafeInteger(Number(node.value))
      ? Number(node.value)
      : refuse('BigInt is a whole number of at most 2^53'),
})

builder.scalarType('JSON', {
  description: 'Any JSON value.',
  serialize: (value) => value,
})
