import type { GraphQLResolveInfo } from 'graphql'
import { checkRange } from '../../input/range.ts'
import type { LookupOptions } from '../../trust/referrer/referrers.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'

/** Images for which one operation requests data from registries; other images get only cached data. */
const MAX_LOOKUPS = 50
const MAX_AGE_SECONDS = 30 * 24 * 60 * 60

/** Number of lookups of each execution: an operation, or one event of a subscription. */
const lookups = new WeakMap<object, number>()

/** The argument that limits the age of a registry's cached response. */
export const maxAgeArgs = builder.args((t) => ({
  maxAgeSeconds: t.int({
    required: true,
    defaultValue: 3600,
    description: `Maximum age in seconds of a cached response of the registry, 0 to ${MAX_AGE_SECONDS}; with 0 the registry is always requested. One operation requests registries for at most ${MAX_LOOKUPS} images; other images return cached data only.`,
  }),
}))

/** Returns the options of one more lookup, and counts it. Throws InvalidInputError. */
export function lookupOptionsOf(
  maxAgeSeconds: number,
  context: GraphQLContext,
  { rootValue }: GraphQLResolveInfo,
): LookupOptions {
  checkRange('maxAgeSeconds', maxAgeSeconds, 0, MAX_AGE_SECONDS)
  const execution = typeof rootValue === 'object' && rootValue !== null ? rootValue : context
  const before = lookups.get(execution) ?? 0
  lookups.set(execution, before + 1)
  return { maxAge: maxAgeSeconds * 1000, mayRequest: before < MAX_LOOKUPS }
}
