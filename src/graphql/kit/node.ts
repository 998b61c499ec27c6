import type { Right } from '../../access/right/role.ts'
import { sees } from '../../access/right/viewer.ts'
import { InvalidInputError } from '../../input/errors.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { builder } from './builder.ts'
import { after, type MaybePromise } from './connection.ts'
import type { GraphQLContext } from './context.ts'

/** What decides whether a viewer may read an object of a type by its id. */
export type NodeAccess<Item> =
  | 'anyone'
  | 'server-admin'
  /** The load itself, which is an entry read: it finds nothing that the viewer may not read. */
  | 'load'
  /** The stream that the object is part of, which the viewer must see; undefined for none, which only server admins see. */
  | { readonly streamOf: (item: Item, context: GraphQLContext) => StreamName | undefined }
  /** The right in the whole namespace that the object is part of; undefined for none. */
  | {
      readonly right: Right
      readonly namespaceOf: (item: Item, context: GraphQLContext) => string | undefined
    }

interface NodeSource<Key extends unknown[], Item extends object> {
  readonly load: (...key: [...Key, GraphQLContext]) => MaybePromise<Item | undefined>
  readonly access: NodeAccess<Item>
}

type Loaders = Map<string, (key: string, context: GraphQLContext) => MaybePromise<object | undefined>>

const loaders: Loaders = new Map()
/** Complexity of reading an object, of the types that cost more than a field. */
const complexities = new Map<string, number>()
// rows do not record which table they are from
const typeNames = new WeakMap<object, string>()

/** An object with a global id. */
export const NodeInterface = builder.interfaceRef<object>('Node').implement({
  description: 'An object with a global `id`, by which the query `node(id:)` returns the object.',
  resolveType: (node) => typeNames.get(node),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the object; opaque, and never assigned to another object.',
      resolve: () => {
        throw new Error('each type that implements Node must resolve its own id')
      },
    }),
  }),
})

/** Makes the objects of a type readable through `node(id:)`; `load` gets the key that `nodeId` encoded. */
export const registerNode = <Item extends object>(
  typeName: string,
  { load, access }: NodeSource<[key: string], Item>,
): void => {
  loaders.set(typeName, (key, context) =>
    after(load(key, context), (item) => (item && mayRead(item, access, context) ? item : undefined)),
  )
}

function mayRead<Item>(item: Item, access: NodeAccess<Item>, context: GraphQLContext): boolean {
  const { viewer } = context
  if (access === 'anyone' || access === 'load') return true
  if (access === 'server-admin' || viewer.rights.isServerAdmin) return viewer.rights.isServerAdmin
  if ('streamOf' in access) {
    const stream = access.streamOf(item, context)
    return stream !== undefined && sees(viewer, stream)
  }
  const namespace = access.namespaceOf(item, context)
  return namespace !== undefined && viewer.rights.mayInNamespace(access.right, namespace)
}

/** Makes the rows of a type readable through `node(id:)`, by their numbers. */
export const registerRowNode = <Item extends object>(
  typeName: string,
  { load, access }: NodeSource<[id: number], Item>,
): void =>
  registerNode(typeName, {
    load: (key, context) => {
      const id = rowNumber(key)
      return id === undefined ? undefined : load(id, context)
    },
    access,
  })

/** Makes the objects of a type readable through `node(id:)`, by the number of their owner and their name in it. */
export const registerNamedNode = <Item extends object>(
  typeName: string,
  {
    load,
    access,
    complexity = 1,
  }: NodeSource<[ownerId: number, name: string], Item> & { readonly complexity?: number },
): void => {
  complexities.set(typeName, complexity)
  registerNode(typeName, {
    load: (key, context) => {
      const [, ownerId = '', name = ''] = /^(-?\d{1,15})\/([\s\S]*)$/.exec(key) ?? []
      return ownerId === '' ? undefined : load(Number(ownerId), name, context)
    },
    access,
  })
}

/** Returns the global id of an object that `registerNamedNode` makes readable. */
export const namedNodeId = (typeName: string, ownerId: number, name: string): string =>
  nodeId(typeName, `${ownerId}/${name}`)

/** Returns the global id of an object; opaque to clients. */
export const nodeId = (typeName: string, key: string | number): string =>
  Buffer.from(`${typeName}:${key}`).toString('base64url')

/** Returns the row number in a global id; undefined unless it is an id of this type. */
export function rowIdOf(typeName: string, id: string): number | undefined {
  const [name, key] = parseId(id)
  return name === typeName ? rowNumber(key) : undefined
}

const parseId = (id: string): readonly [typeName: string, key: string] => {
  const [, typeName = '', key = ''] = /^(\w+):([\s\S]+)$/.exec(Buffer.from(id, 'base64url').toString()) ?? []
  return [typeName, key]
}

const rowNumber = (key: string): number | undefined => (/^-?\d{1,15}$/.test(key) ? Number(key) : undefined)

/** Returns the object with a global id; null if there is none. */
async function nodeOf(id: string, context: GraphQLContext): Promise<object | null> {
  const [typeName, key] = parseId(id)
  const node = await loaders.get(typeName)?.(key, context)
  if (!node) return null
  typeNames.set(node, typeName)
  return node
}

const complexityOf = (ids: readonly string[]): number =>
  ids.reduce((sum, id) => sum + (complexities.get(parseId(id)[0]) ?? 1), 0)

builder.queryField('node', (t) =>
  t.field({
    type: NodeInterface,
    nullable: true,
    description:
      'Returns the object with a global `id`. Null for an unknown `id`, for an object that no longer exists, and for one that the viewer may not read.',
    access: 'anyone',
    example: `
      # Any object by its id, which every object has.
      query Node($id: ID!) {
        node(id: $id) { id ... on ImageStream { namespace name resourceVersion } }
      }
    `,
    args: {
      id: t.arg.id({ required: true, description: 'Global `id` of an object, from an earlier response.' }),
    },
    complexity: ({ id }) => complexityOf([id]),
    resolve: (_query, { id }, context) => nodeOf(id, context),
  }),
)

/** Number of objects that one field returns at most. */
const MAX_NODES = 100

builder.queryField('nodes', (t) =>
  t.field({
    type: t.listRef(NodeInterface, { nullable: true }),
    description: `Returns the objects with these global ids, at most ${MAX_NODES}, in the order of the ids. An item is null for an unknown \`id\`, for an object that no longer exists, and for one that the viewer may not read.`,
    access: 'anyone',
    example: `
      # Several objects by their ids, in the same order.
      query Nodes($ids: [ID!]!) {
        nodes(ids: $ids) { id ... on ImageStream { namespace name resourceVersion } }
      }
    `,
    args: {
      ids: t.arg.idList({
        required: true,
        description: `Global ids of objects of any types, from earlier responses; at most ${MAX_NODES}.`,
      }),
    },
    complexity: ({ ids }) => ({
      field: complexityOf(ids),
      multiplier: Math.min(Math.max(ids.length, 1), MAX_NODES),
    }),
    resolve: (_query, { ids }, context) => {
      if (ids.length > MAX_NODES) {
        throw new InvalidInputError('ids', `${ids.length} ids are given: at most ${MAX_NODES} are allowed`)
      }
      return Promise.all(ids.map((id) => nodeOf(id, context)))
    },
  }),
)
