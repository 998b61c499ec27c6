import { builder } from './builder.ts'
import type { GraphQLContext } from './context.ts'

type Load = (key: string, context: GraphQLContext) => object | undefined

const loaders = new Map<string, Load>()
// rows do not say which table they are from
const typeNames = new WeakMap<object, string>()

/** Something with an id of its own, whatever its type. */
export const NodeInterface = builder.interfaceRef<object>('Node').implement({
  description: 'An object that can be read again by its `id`, whatever its type, through `node(id:)`.',
  resolveType: (node) => typeNames.get(node),
  fields: (t) => ({
    id: t.id({
      description:
        'Names this object among all objects of this server; opaque, and never used for another one.',
      resolve: () => {
        throw new Error('every type that implements Node resolves its own id')
      },
    }),
  }),
})

/** Makes a type readable by `node(id:)`; `load` gets the part of the id that `nodeId` was given. */
export const registerNode = (typeName: string, load: Load): void => {
  loaders.set(typeName, load)
}

/** Opaque to clients. */
export const nodeId = (typeName: string, key: string | number): string =>
  Buffer.from(`${typeName}:${key}`).toString('base64url')

builder.queryField('node', (t) =>
  t.field({
    type: NodeInterface,
    nullable: true,
    description: 'Any object by its `id`; null where there is none of that id, or none any more.',
    args: { id: t.arg.id({ required: true, description: 'The `id` of an object that was read before.' }) },
    resolve: (_query, { id }, context) => {
      const [, typeName = '', key = ''] =
        /^(\w+):([\s\S]+)$/.exec(Buffer.from(id, 'base64url').toString()) ?? []
      const node = loaders.get(typeName)?.(key, context)
      if (!node) return null
      typeNames.set(node, typeName)
      return node
    },
  }),
)

/** A whole number as an id's key holds it, or undefined. */
export const rowId = (key: string): number | undefined => (/^-?\d{1,15}$/.test(key) ? Number(key) : undefined)
