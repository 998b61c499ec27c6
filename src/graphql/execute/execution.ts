import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLError,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  isNonNullType,
  locatedError,
  type OperationDefinitionNode,
  type ResponsePath,
} from 'graphql'
import { keysOf } from './path.ts'
import type { Text } from './text.ts'

/** The operation of a document, and its fragments. */
export interface OperationSource {
  readonly schema: GraphQLSchema
  readonly operation: OperationDefinitionNode
  readonly fragments: Record<string, FragmentDefinitionNode>
  /** Compiles the selection of a field for one object type. */
  readonly compile: (field: OperationField, type: GraphQLObjectType, variables: Variables) => ObjectWriter
}

/** Writes objects of one type as JSON text. */
export interface ObjectWriter {
  /** Throws, or rejects, with the error of a field that may not be null. */
  write(object: unknown, execution: Execution, path: ResponsePath | undefined): Text
}

export type Variables = Readonly<Record<string, unknown>>

/** A field of the operation, in one object type. */
export interface OperationField {
  readonly nodes: readonly FieldNode[]
  /** Name in the response. */
  readonly key: string
  readonly parentType: GraphQLObjectType
  readonly definition: GraphQLField<unknown, unknown>
}

export interface ExecutionOptions {
  readonly source: OperationSource
  readonly variables: Variables
  readonly rootValue: unknown
  readonly context: unknown
  /** Resolves when the operation may go on, after it has written a part of a long value. */
  readonly nextTurn: () => Promise<void>
}

/** One run of an operation: what all of its fields share, and its errors. */
export class Execution {
  readonly source: OperationSource
  readonly variables: Variables
  readonly rootValue: unknown
  readonly context: unknown
  readonly nextTurn: () => Promise<void>
  readonly errors: GraphQLError[] = []
  /** Paths whose value became null by an error; undefined is that of the whole result. */
  readonly #failed = new Set<ResponsePath | undefined>()
  readonly #args = new Map<OperationField, Record<string, unknown>>()

  constructor({ source, variables, rootValue, context, nextTurn }: ExecutionOptions) {
    this.source = source
    this.variables = variables
    this.rootValue = rootValue
    this.context = context
    this.nextTurn = nextTurn
  }

  /** Returns the arguments of a field, computed once. */
  argsOf(
    field: OperationField,
    compute: (variables: Variables) => Record<string, unknown>,
  ): Record<string, unknown> {
    let args = this.#args.get(field)
    if (!args) {
      args = compute(this.variables)
      this.#args.set(field, args)
    }
    return args
  }

  /** Collects an error, unless the value at its path is already null by another error. */
  collect(error: GraphQLError, path: ResponsePath | undefined): void {
    for (let at = path; at; at = at.prev) if (this.#failed.has(at)) return
    if (this.#failed.has(undefined)) return
    this.#failed.add(path)
    this.errors.push(error)
  }

  /** Returns null as the value at the path, and collects the error; throws it, with its location, where null is not allowed. */
  fail(error: unknown, { nodes }: OperationField, type: GraphQLOutputType, path: ResponsePath): 'null' {
    const located = locatedError(error, nodes, keysOf(path))
    if (isNonNullType(type)) throw located
    this.collect(located, path)
    return 'null'
  }
}

/** What a resolver gets about its field. Its parts are computed when they are read. */
export class ResolveInfo implements GraphQLResolveInfo {
  readonly #field: OperationField
  readonly #execution: Execution
  readonly #parent: ResponsePath | undefined
  #path: ResponsePath | undefined

  constructor(field: OperationField, execution: Execution, parent: ResponsePath | undefined) {
    this.#field = field
    this.#execution = execution
    this.#parent = parent
  }

  get path(): ResponsePath {
    const { key, parentType } = this.#field
    this.#path ??= { prev: this.#parent, key, typename: parentType.name }
    return this.#path
  }
  get fieldName(): string {
    return this.#field.definition.name
  }
  get fieldNodes(): readonly FieldNode[] {
    return this.#field.nodes
  }
  get returnType(): GraphQLOutputType {
    return this.#field.definition.type
  }
  get parentType(): GraphQLObjectType {
    return this.#field.parentType
  }
  get schema(): GraphQLSchema {
    return this.#execution.source.schema
  }
  get fragments(): Record<string, FragmentDefinitionNode> {
    return this.#execution.source.fragments
  }
  get operation(): OperationDefinitionNode {
    return this.#execution.source.operation
  }
  get rootValue(): unknown {
    return this.#execution.rootValue
  }
  get variableValues(): Record<string, unknown> {
    return this.#execution.variables as Record<string, unknown>
  }
}
