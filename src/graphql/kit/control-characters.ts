import {
  defaultFieldResolver,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isObjectType,
} from 'graphql'
import { InvalidInputError } from '../../input/errors.ts'
import { controlCharacterIn } from '../../oci/control-characters.ts'

/** Scalars whose own grammar has no control characters. */
const SAFE_SCALARS = new Set(['Boolean', 'Int', 'Float', 'BigInt', 'DateTime', 'Digest'])

const mayBeText = (type: GraphQLInputType): boolean => {
  const named = getNamedType(type)
  return isInputObjectType(named) || !(isEnumType(named) || SAFE_SCALARS.has(named.name))
}

/** Throws InvalidInputError with the path of the argument, without the argument `input` itself. */
function checkArguments(args: object): void {
  const found = controlCharacterIn(args)
  if (!found) return
  const field = found.field.replace(/^input\./, '')
  throw new InvalidInputError(field, `${field} ${found.problem}`)
}

/** Makes every field refuse control characters in its arguments, except tabs and line breaks. Returns the schema. */
export function refuseControlCharacters(schema: GraphQLSchema): GraphQLSchema {
  const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type))
  for (const field of types.filter(isObjectType).flatMap((type) => Object.values(type.getFields()))) {
    if (!field.args.some(({ type }) => mayBeText(type))) continue
    const { resolve = defaultFieldResolver, subscribe } = field
    if (subscribe) {
      // the arguments of a subscription are the same for each of its events
      field.subscribe = (source, args, context, info) => {
        checkArguments(args)
        return subscribe(source, args, context, info)
      }
    } else {
      field.resolve = (source, args, context, info) => {
        checkArguments(args)
        return resolve(source, args, context, info)
      }
    }
  }
  return schema
}
