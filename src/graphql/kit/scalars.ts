import { GraphQLError, Kind } from 'graphql'
import { timeOfRfc3339 } from '../../input/time.ts'
import { isDigest } from '../../oci/digest.ts'
import { builder } from './builder.ts'

const refuse = (message: string): never => {
  throw new GraphQLError(message)
}

builder.scalarType('DateTime', {
  description:
    'A point in time in RFC 3339 format. Responses are in UTC with milliseconds, for example `2024-05-01T12:30:00.000Z`; inputs may have any offset.',
  serialize: (time) => new Date(time).toISOString(),
  parseValue: (value) => {
    const time = timeOfRfc3339(value)
    return time === null ? refuse('DateTime must be RFC 3339 text: 2024-05-01T12:30:00Z') : time
  },
})

builder.scalarType('Digest', {
  description:
    'Digest of content: `sha256:` followed by 64, or `sha512:` followed by 128 lowercase hexadecimal digits.',
  serialize: (digest) => digest,
  parseValue: (value) =>
    isDigest(value)
      ? value
      : refuse('Digest must be sha256: and 64, or sha512: and 128 lowercase hexadecimal digits'),
})

const BIG_INT_RULE = 'BigInt must be a whole number of at most 2^53'

builder.scalarType('BigInt', {
  description: 'A whole number that may exceed the 32-bit `Int`, written as a JSON number; exact up to 2^53.',
  serialize: (value) => value,
  parseValue: (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) ? value : refuse(BIG_INT_RULE),
  parseLiteral: (node) =>
    node.kind === Kind.INT && Number.isSafeInteger(Number(node.value))
      ? Number(node.value)
      : refuse(BIG_INT_RULE),
})

builder.scalarType('JSON', {
  description: 'Any JSON value.',
  serialize: (value) => value,
})
