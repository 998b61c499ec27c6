import { type GraphQLObjectType, type GraphQLSchema, getNamedType, isObjectType } from 'graphql'

const PAGE_ARGUMENTS = ['first', 'after', 'last', 'before']
const NO_VALUE = /^(Query|Mutation|Subscription|PageInfo)$|(Connection|Edge|Payload)$|^__/

const objectTypes = (schema: GraphQLSchema): GraphQLObjectType[] =>
  Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .filter(({ name }) => !name.startsWith('__'))
    .sort((one, other) => (one.name < other.name ? -1 : 1))

/** Returns the types that have no id and are read and replaced as a whole. */
export const valuesOf = (schema: GraphQLSchema): string[] =>
  objectTypes(schema)
    .filter((type) => !NO_VALUE.test(type.name) && !type.getFields().id)
    .map(({ name }) => name)

/** Returns the fields that are connections, with their other arguments, by the name of their type. */
export function connectionsOf(schema: GraphQLSchema): Record<string, Record<string, string[]>> {
  const ofType = (type: GraphQLObjectType) =>
    Object.values(type.getFields())
      .filter((field) => getNamedType(field.type).name.endsWith('Connection'))
      .map(({ name, args }) => [
        name,
        args.map((arg) => arg.name).filter((arg) => !PAGE_ARGUMENTS.includes(arg)),
      ])
  return Object.fromEntries(
    objectTypes(schema)
      .map((type) => [type.name, Object.fromEntries(ofType(type))] as const)
      .filter(([, fields]) => Object.keys(fields).length > 0),
  )
}

const WIDTH = 110

/** Returns the text of an array or object of strings, formatted as Biome does. */
function literal(value: readonly string[] | object, indent = '', key = ''): string {
  const isList = Array.isArray(value)
  const inner = `${indent}  `
  const items = isList ? value.map((item) => `'${item}'`) : []
  const line = `${indent}${key}[${items.join(', ')}]`
  if (isList && line.length < WIDTH) return line
  const lines = isList
    ? items.map((item) => inner + item)
    : Object.entries(value).map(([name, content]) => literal(content, inner, `${name}: `))
  const [open, close] = isList ? '[]' : '{}'
  return `${indent}${key}${open}\n${lines.map((one) => `${one},\n`).join('')}${indent}${close}`
}

/** Returns the text of `test/clients/recipes/cache-rules.ts`. */
export const printCacheRules = (schema: GraphQLSchema): string =>
  `/** Types without an id: each is a property of the object that contains it. */
${literal(valuesOf(schema), '', 'export const VALUES: readonly string[] = ')}

/** Fields that are connections, by type, with the arguments that select another list. */
${literal(connectionsOf(schema), '', 'export const CONNECTIONS: Readonly<Record<string, Record<string, readonly string[]>>> = ')}
`
