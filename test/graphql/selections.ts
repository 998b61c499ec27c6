import {
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isObjectType,
  isRequiredArgument,
} from 'graphql'
import { accessOf } from '../../src/graphql/kit/access.ts'

/** Values of arguments by `Type.field`. */
type Arguments = Readonly<Record<string, string>>

interface Selected {
  readonly field: GraphQLField<unknown, unknown>
  readonly type: GraphQLObjectType
  /** Whether the fields of the type are selected here, and not elsewhere. */
  readonly isExpanded: boolean
}

/**
 * Returns a selection that reaches every object type from this one, each by a shortest way, with `__typename` and, where the
 * type has one, `id`. A page has three items. Fields with a required argument that `given` lacks are left out, and those for
 * people who have signed in.
 */
export function selectionOf(root: GraphQLObjectType, given: Arguments): string {
  const reached = new Set([root])
  const selected = new Map<GraphQLObjectType, Selected[]>()
  // breadth first: a set is iterated in order of insertion, and so over what is added meanwhile
  for (const parent of reached) {
    const fields = Object.values(parent.getFields()).flatMap((field): Selected[] => {
      const type = getNamedType(field.type)
      const isLeft = !(`${parent.name}.${field.name}` in given) && field.args.some(isRequiredArgument)
      if (!isObjectType(type) || isLeft || accessOf(field) === 'person') return []
      const isExpanded = !reached.has(type)
      reached.add(type)
      return [{ field, type, isExpanded }]
    })
    selected.set(parent, fields)
  }
  const print = (type: GraphQLObjectType, isExpanded: boolean): string => {
    const own = `__typename${'id' in type.getFields() ? ' id' : ''}`
    const fields = isExpanded ? (selected.get(type) ?? []) : []
    return [own, ...fields.map((one) => printField(type, one))].join(' ')
  }
  const printField = (parent: GraphQLObjectType, { field, type, isExpanded }: Selected): string => {
    const first = field.args.some(({ name }) => name === 'first') ? 'first: 3' : ''
    const args = [first, given[`${parent.name}.${field.name}`] ?? ''].filter(Boolean).join(', ')
    return `${field.name}${args && `(${args})`} { ${print(type, isExpanded)} }`
  }
  return print(root, true)
}

/** Returns the object types of the schema that are neither connections, edges, payloads nor root types. */
export const objectsOf = (schema: GraphQLSchema): GraphQLObjectType[] =>
  Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType =>
      isObjectType(type) &&
      !/^__|^(?:Query|Mutation|Subscription|PageInfo)$|(?:Connection|Edge|Payload)$/.test(type.name),
  )
