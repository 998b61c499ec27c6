import type { GraphQLResolveInfo } from 'graphql'
import { InvalidInputError } from '../../input/errors.ts'
import type { AskOptions } from '../../trust/referrer/referrers.ts'
import { builder } from './builder.ts'
import type { GraphQLContext } from './context.ts'

/** Images that registries are asked about for one operation; of others only what is known is told. */
const MAX_ASKED = 50
const MAX_AGE_SECONDS = 30 * 24 * 60 * 60

/** By what is executed: an operation, or one event of a subscription. */
const asked = new WeakMap<object, number>()

/** How old an answer may be before a registry is asked again. */
export const maxAgeArgs = builder.args((t) => ({
  maxAgeSeconds: t.int({
    required: true,
    defaultValue: 3600,
    description: `Seconds that an answer of the registry is good for; 0 asks it now. For one operation registries are asked about ${MAX_ASKED} images, and of others is told what is known.`,
  }),
}))

/** Whether a registry may be asked about one more image. Throws InvalidInputError. */
export function askOptionsOf(
  maxAgeSeconds: number,
  context: GraphQLContext,
  { rootValue }: GraphQLResolveInfo,
): AskOptions {
  if (maxAgeSeconds < 0 || maxAgeSeconds > MAX_AGE_SECONDS) {
    throw new InvalidInputError(
      'maxAgeSeconds',
      `"maxAgeSeconds" is ${maxAgeSeconds}; it must be from 0 to ${MAX_AGE_SECONDS}`,
    )
  }
  const execution = typeof rootValue === 'object' && rootValue !== null ? rootValue : context
  const before = asked.get(execution) ?? 0
  asked.set(execution, before + 1)
  return { maxAge: maxAgeSeconds * 1000, mayAsk: before < MAX_ASKED }
}
