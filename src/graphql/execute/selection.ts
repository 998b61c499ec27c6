import {
  defaultFieldResolver,
  type FieldNode,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLSchema,
  getArgumentValues,
  type ResponsePath,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
} from 'graphql'
import { type Complete, completionOf } from './complete.ts'
import {
  type Execution,
  type ObjectWriter,
  type OperationField,
  type OperationSource,
  ResolveInfo,
  type Variables,
} from './execution.ts'
import { isPromise, type Text, TextWriter } from './text.ts'

const NO_ARGS = Object.freeze({}) as Record<string, unknown>

/** The fields of an operation in one object type, compiled: it writes objects of the type as JSON text. */
export class Selection implements ObjectWriter {
  readonly #fields: readonly CompiledField[]

  /** `nodes` are the fields of the operation by their names in the response. */
  constructor(
    source: OperationSource,
    type: GraphQLObjectType,
    nodes: ReadonlyMap<string, readonly FieldNode[]>,
  ) {
    this.#fields = [...nodes].flatMap(([key, ofKey]) => {
      const definition = definitionOf(source.schema, type, ofKey[0]?.name.value ?? '')
      // validation reports fields that do not exist
      return definition ? new CompiledField(source, { key, nodes: ofKey, parentType: type, definition }) : []
    })
  }

  /** Resolves all fields together. */
  write(object: unknown, execution: Execution, path: ResponsePath | undefined): Text {
    const writer = new TextWriter('{')
    try {
      let separator = ''
      for (const field of this.#fields) {
        writer.add(separator + field.name)
        writer.add(field.write(object, execution, path))
        separator = ','
      }
    } catch (error) {
      const { pending } = writer
      if (!pending) throw error
      // the error follows those of the fields that are pending
      return pending.then(same).finally(() => {
        throw error
      })
    }
    const text = writer.end('}')
    return typeof text === 'string' ? text : text.then(same)
  }

  /** Resolves the fields one after the other. */
  async writeSerially(object: unknown, execution: Execution): Promise<string> {
    const texts: string[] = []
    for (const field of this.#fields) {
      texts.push(field.name + (await field.write(object, execution, undefined)))
    }
    return `{${texts.join()}}`
  }
}

/** graphql-js makes the object from the values of its fields here: errors of later turns stay later. */
const same = (text: string): string => text

/** A field of a selection. */
class CompiledField implements OperationField {
  readonly nodes: readonly FieldNode[]
  readonly key: string
  readonly parentType: GraphQLObjectType
  readonly definition: GraphQLField<unknown, unknown>
  /** Name in the response, as JSON text with a colon. */
  readonly name: string
  readonly #resolve: GraphQLFieldResolver<unknown, unknown>
  readonly #complete: Complete
  readonly #computeArgs: (variables: Variables) => Record<string, unknown>

  constructor(source: OperationSource, { nodes, key, parentType, definition }: OperationField) {
    this.nodes = nodes
    this.key = key
    this.parentType = parentType
    this.definition = definition
    this.name = `${JSON.stringify(key)}:`
    this.#resolve = definition.resolve ?? defaultFieldResolver
    this.#complete = completionOf(source, this, definition.type)
    const [node] = nodes as readonly [FieldNode]
    this.#computeArgs = (variables) => getArgumentValues(definition, node, variables)
  }

  write(object: unknown, execution: Execution, parent: ResponsePath | undefined): Text {
    const info = new ResolveInfo(this, execution, parent)
    try {
      const args = this.definition.args.length === 0 ? NO_ARGS : execution.argsOf(this, this.#computeArgs)
      const value = this.#resolve(object, args, execution.context, info)
      const text = isPromise(value)
        ? value.then((resolved) => this.#complete(resolved, execution, info))
        : this.#complete(value, execution, info)
      if (typeof text === 'string') return text
      return text.then(undefined, (error: unknown) => this.#fail(error, execution, info))
    } catch (error) {
      return this.#fail(error, execution, info)
    }
  }

  #fail(error: unknown, execution: Execution, { path }: ResolveInfo): 'null' {
    return execution.fail(error, this, this.definition.type, path)
  }
}

/** Source: GraphQL specification, introspection; `getFieldDef` of graphql-js. */
function definitionOf(
  schema: GraphQLSchema,
  type: GraphQLObjectType,
  name: string,
): GraphQLField<unknown, unknown> | undefined {
  if (name === TypeNameMetaFieldDef.name) return TypeNameMetaFieldDef
  if (type === schema.getQueryType()) {
    if (name === SchemaMetaFieldDef.name) return SchemaMetaFieldDef
    if (name === TypeMetaFieldDef.name) return TypeMetaFieldDef
  }
  return type.getFields()[name]
}
