import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core'
import { PothosComplexityPlugin } from '@pothos/plugin-complexity'
import type { GraphQLFieldResolver } from 'graphql'
import type { OperationWork } from './operation-work.ts'
import { isRootField } from './root-fields.ts'

/** What the root fields need of the context. */
interface Charged {
  readonly work: OperationWork
}

/** Checks the complexity of an operation before it runs, and charges its client for it. */
class ChargedComplexity<Types extends SchemaTypes> extends BasePlugin<Types> {
  readonly #complexity = new PothosComplexityPlugin<Types>(this.buildCache, 'complexity')

  override onOutputFieldConfig(config: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    // its type lacks `exactOptionalPropertyTypes`
    return this.#complexity.onOutputFieldConfig(config) as PothosOutputFieldConfig<Types>
  }

  override wrapResolve(
    resolver: GraphQLFieldResolver<unknown, Types['Context'], object>,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    if (!isRootField(field)) return resolver
    return (parent, args, context, info) => {
      this.#complexity.checkComplexity(context, info)
      // the builder's plugins do not know the context of the schema
      const { work } = context as Charged
      work.expect(this.#complexity.complexityCache(context, info).complexity)
      return resolver(parent, args, context, info)
    }
  }
}

/** Name of the plugin, for the builder. */
export const COMPLEXITY_PLUGIN = 'chargedComplexity'

SchemaBuilder.registerPlugin(COMPLEXITY_PLUGIN, ChargedComplexity)

declare global {
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      chargedComplexity: ChargedComplexity<Types>
    }
  }
}
