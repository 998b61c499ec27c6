import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core'
import type { GraphQLFieldResolver, ResponsePath } from 'graphql'
import type { OperationWork } from './operation-work.ts'

/** Items of a list that is completed in one go; a longer one is completed in parts. */
const SHORT = 100
/** Bytes of an item of a long list while it is completed. */
const ITEM_BYTES = 100
/** Items of a part: an operation that waits for its turn has begun no more items of a list. */
const PART = 25

/** What the resolvers need of the context. */
interface Working {
  readonly work: OperationWork
}

/**
 * Lets an operation run in turns with others: each field with a selection, each list, and each field with a complexity of its
 * own begins only when the operation may go on.
 */
class WorkPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(
    resolver: GraphQLFieldResolver<unknown, Types['Context'], object>,
    { type: { kind }, pothosOptions }: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    const { complexity } = pothosOptions as { readonly complexity?: unknown }
    if ((kind === 'Scalar' || kind === 'Enum') && complexity === undefined) return resolver
    return (parent, args, context, info) => {
      // the builder's plugins do not know the context of the schema
      const { work } = context as Working
      const turn = work.turn(info.path)
      const resolved = turn
        ? turn.then(() => resolver(parent, args, context, info))
        : resolver(parent, args, context, info)
      if (kind !== 'List') return resolved
      const partsOf = (items: unknown) => inParts(items, work, info.path)
      return resolved instanceof Promise ? resolved.then(partsOf) : partsOf(resolved)
    }
  }
}

/** Returns a long list with promises for all items but those of its first part: other work runs between two parts. */
function inParts(items: unknown, work: OperationWork, path: ResponsePath): unknown {
  if (!Array.isArray(items) || items.length <= SHORT) return items
  work.spend(items.length * ITEM_BYTES)
  const parts: unknown[] = items.slice(0, PART)
  let turn: Promise<void> = Promise.resolve()
  for (let at = PART; at < items.length; at += PART) {
    turn = turn.then(() => work.turn(path))
    for (const item of items.slice(at, at + PART)) parts.push(turn.then(() => item))
  }
  return parts
}

/** Name of the plugin, for the builder. */
export const WORK_PLUGIN = 'work'

SchemaBuilder.registerPlugin(WORK_PLUGIN, WorkPlugin)

declare global {
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      work: WorkPlugin<Types>
    }
  }
}
