import {
  defaultTypeResolver,
  type GraphQLAbstractType,
  GraphQLError,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type ResponsePath,
} from 'graphql'
import type { Execution, ObjectWriter, OperationField, OperationSource, ResolveInfo } from './execution.ts'
import { isPromise, jsonText, type Text, TextWriter } from './text.ts'

/**
 * Writes a resolved value of a field as JSON text; of an item of a list, with its path. Throws, or rejects, with the error of the
 * field. Source: GraphQL specification, CompleteValue.
 */
export type Complete = (value: unknown, execution: Execution, info: ResolveInfo, path?: ResponsePath) => Text

/** Compiles how the values of a type are written. */
export function completionOf(
  source: OperationSource,
  field: OperationField,
  type: GraphQLOutputType,
): Complete {
  const mayBeNull = !isNonNullType(type)
  const complete = ofNullable(source, field, mayBeNull ? type : type.ofType)
  const { parentType, definition } = field
  return (value, execution, info, path) => {
    if (value === null || value === undefined) {
      if (mayBeNull) return 'null'
      throw new Error(`Cannot return null for non-nullable field ${parentType.name}.${definition.name}.`)
    }
    if (value instanceof Error) throw value
    return complete(value, execution, info, path)
  }
}

function ofNullable(source: OperationSource, field: OperationField, type: GraphQLOutputType): Complete {
  if (isListType(type)) return ofList(source, field, type.ofType)
  if (isLeafType(type)) return ofLeaf(type)
  if (isAbstractType(type)) return ofAbstract(source, field, type)
  if (isObjectType(type)) return ofObject(source, field, type)
  throw new Error(`${type} is not the type of a value`)
}

const ofLeaf =
  (type: GraphQLLeafType): Complete =>
  (value, { nextTurn }) => {
    const serialized = type.serialize(value)
    if (serialized === null || serialized === undefined) {
      throw new Error(`${type.name}.serialize returned ${serialized}`)
    }
    return jsonText(serialized, nextTurn)
  }

function ofList(source: OperationSource, field: OperationField, itemType: GraphQLOutputType): Complete {
  const complete = completionOf(source, field, itemType)
  const writeItem = (item: unknown, execution: Execution, info: ResolveInfo, path: ResponsePath): Text => {
    const fail = (error: unknown) => execution.fail(error, field, itemType, path)
    try {
      const text = isPromise(item)
        ? item.then((resolved) => complete(resolved, execution, info, path))
        : complete(item, execution, info, path)
      return typeof text === 'string' ? text : text.then(undefined, fail)
    } catch (error) {
      return fail(error)
    }
  }
  return (value, execution, info, path = info.path) => {
    if (typeof value !== 'object' || !value || !(Symbol.iterator in value)) {
      const { parentType, definition } = field
      throw new GraphQLError(
        `Expected Iterable, but did not find one for field "${parentType.name}.${definition.name}".`,
      )
    }
    const writer = new TextWriter('[')
    try {
      let key = 0
      for (const item of value as Iterable<unknown>) {
        if (key > 0) writer.add(',')
        writer.add(writeItem(item, execution, info, { prev: path, key, typename: undefined }))
        key++
      }
    } catch (error) {
      // other items may still reject, and no caller handles it
      writer.pending?.catch(() => {})
      throw error
    }
    return writer.end(']')
  }
}

function ofObject(source: OperationSource, field: OperationField, type: GraphQLObjectType): Complete {
  let writer: ObjectWriter | undefined
  return (value, execution, info, path = info.path) => {
    // compiled when it is first needed: types may contain each other, and an operation need not reach all
    writer ??= source.compile(field, type, execution.variables)
    return writer.write(value, execution, path)
  }
}

function ofAbstract(source: OperationSource, field: OperationField, type: GraphQLAbstractType): Complete {
  const writers = new Map<string, ObjectWriter>()
  const write = (name: unknown, value: unknown, execution: Execution, path: ResponsePath): Text => {
    let writer = writers.get(name as string)
    if (!writer) {
      const runtimeType = typeof name === 'string' ? source.schema.getType(name) : undefined
      if (!isObjectType(runtimeType) || !source.schema.isSubType(type, runtimeType)) {
        throw new GraphQLError(`a value of ${type.name} was resolved to the type ${name}`, {
          nodes: field.nodes,
        })
      }
      writer = source.compile(field, runtimeType, execution.variables)
      writers.set(runtimeType.name, writer)
    }
    return writer.write(value, execution, path)
  }
  const resolveType = type.resolveType ?? defaultTypeResolver
  return (value, execution, info, path = info.path) => {
    const name: unknown = resolveType(value, execution.context, info, type)
    return isPromise(name)
      ? name.then((resolved) => write(resolved, value, execution, path))
      : write(name, value, execution, path)
  }
}
