import {
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isLeafType,
  isNonNullType,
  isObjectType,
} from 'graphql'

// Operations that read every field of the schema, found by introspection: a new field is read without a change here.

/** Arguments of fields by `Type.field`, in the language of GraphQL: `(name: "app")`. Fields with required arguments need them. */
export type WalkArguments = Readonly<Record<string, string>>

/** Fields that a query selects on the way to a type. */
type Step = GraphQLField<unknown, unknown>

const PAGE = '(first: 60)'

/** Returns the object type of a field; undefined for a scalar, an enum or an interface. */
const objectOf = (type: GraphQLOutputType): GraphQLObjectType | undefined => {
  const named = getNamedType(type)
  return isObjectType(named) ? named : undefined
}

/** Returns the arguments of a field; undefined for a field that cannot be read without others. */
function argumentsOf(parent: string, field: Step, given: WalkArguments): string | undefined {
  const own = given[`${parent}.${field.name}`]
  if (own !== undefined) return own
  const needsOthers = field.args.some(
    ({ type, defaultValue }) => isNonNullType(type) && defaultValue === undefined,
  )
  if (needsOthers) return undefined
  return field.args.some(({ name }) => name === 'first') ? PAGE : ''
}

/** Returns the fields of a type that an operation can select, with their arguments. */
const fieldsOf = (type: GraphQLObjectType, given: WalkArguments): { field: Step; args: string }[] =>
  Object.values(type.getFields()).flatMap((field) => {
    const args = argumentsOf(type.name, field, given)
    return args === undefined ? [] : [{ field, args }]
  })

/** Returns the selection of all leaves of a type, and of the leaves of objects that are its parts up to the depth. */
function selectionOf(type: GraphQLObjectType, given: WalkArguments, depth: number): string {
  const selected = fieldsOf(type, given).flatMap(({ field, args }) => {
    if (isLeafType(getNamedType(field.type))) return `${field.name}${args}`
    const object = objectOf(field.type)
    if (!object) return `${field.name}${args} { __typename }`
    // a connection and its edges are no steps of their own
    const isPage = /(?:Connection|Edge)$/.test(object.name)
    if (depth === 0 && !isPage) return []
    const inner = selectionOf(object, given, isPage ? depth : depth - 1)
    return inner === '' ? [] : `${field.name}${args} { ${inner} }`
  })
  return selected.join(' ')
}

/**
 * Returns one query for each root field and each object type that it leads to over at most `distance` fields: by the
 * shortest path, all leaves of the type, and those of the objects next to it.
 */
export function walk(schema: GraphQLSchema, given: WalkArguments, distance: number): string[] {
  const root = schema.getQueryType()
  if (!root) return []
  return fieldsOf(root, given).flatMap(({ field, args }) => {
    const object = objectOf(field.type)
    const open = `${field.name}${args}`
    if (!object) return isLeafType(getNamedType(field.type)) ? [`{ ${open} }`] : []
    return pathsFrom(object, given, distance).map(
      ({ path, type }) => `{ ${open} { ${path.replace('…', selectionOf(type, given, 0))} } }`,
    )
  })
}

interface Path {
  /** Selection from the first type, with `…` in place of the selection of the last. */
  readonly path: string
  readonly type: GraphQLObjectType
}

/** Returns the shortest path to each type over each last field, so that every edge between two types is read. */
function pathsFrom(start: GraphQLObjectType, given: WalkArguments, distance: number): Path[] {
  const found: Path[] = [{ path: '…', type: start }]
  const expanded = new Set<string>()
  let level = [...found]
  for (let step = 0; step < distance; step++) {
    const next: Path[] = []
    for (const { path, type } of level) {
      if (expanded.has(type.name)) continue
      expanded.add(type.name)
      for (const { field, args } of fieldsOf(type, given)) {
        const object = objectOf(field.type)
        if (object) next.push({ path: path.replace('…', `${field.name}${args} { … }`), type: object })
      }
    }
    found.push(...next)
    level = next
  }
  return found
}
