import SchemaBuilder from '@pothos/core'
import { GraphQLError } from 'graphql'
import type { Digest } from '../../oci/digest.ts'
import { COMPLEXITY_PLUGIN } from '../work/complexity-plugin.ts'
import { WORK_PLUGIN } from '../work/work-plugin.ts'
import { ACCESS_PLUGIN } from './access.ts'
import type { GraphQLContext } from './context.ts'
import { EXAMPLES_PLUGIN } from './examples.ts'

/** Field values that one operation may request, counted before it runs: a page counts by its size, another list as five. */
export const MAX_COMPLEXITY = 200_000

/** The builder of the schema. Each file of types adds to it; `schema.ts` builds the schema. */
export const builder = new SchemaBuilder<{
  Context: GraphQLContext
  DefaultFieldNullability: false
  Scalars: {
    ID: { Input: string; Output: string }
    /** Milliseconds since 1970 in resolvers. */
    DateTime: { Input: number; Output: number }
    Digest: { Input: Digest; Output: string }
    BigInt: { Input: number; Output: number }
    JSON: { Input: unknown; Output: unknown }
  }
}>({
  plugins: [COMPLEXITY_PLUGIN, ACCESS_PLUGIN, WORK_PLUGIN, EXAMPLES_PLUGIN],
  defaultFieldNullability: false,
  complexity: {
    defaultComplexity: 1,
    // lists that are not connections: layers, labels, children
    defaultListMultiplier: 5,
    limit: { complexity: MAX_COMPLEXITY },
    complexityError: (_kind, { complexity }) =>
      new GraphQLError(
        `the operation may return ${complexity} values; at most ${MAX_COMPLEXITY} are allowed: use smaller pages`,
        { extensions: { code: 'TOO_COMPLEX' } },
      ),
  },
})
