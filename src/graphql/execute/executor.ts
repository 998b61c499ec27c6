import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type FragmentDefinitionNode,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  Kind,
  OperationTypeNode,
  visit,
} from 'graphql'
import { collectFields, collectSubfields } from 'graphql/execution/collectFields.js'
import { DataText } from './data-text.ts'
import { Execution, type OperationSource, type Variables } from './execution.ts'
import { Selection } from './selection.ts'
import type { Text } from './text.ts'

/** An operation of a document, compiled. */
interface Compiled extends OperationSource {
  /** Variables of `@skip` and `@include`. */
  readonly conditions: readonly string[]
  /** Root selections by the values of these variables. */
  readonly selections: Map<string, Selection>
}

/** Selections of one operation that are kept: values of its conditions that differ. */
const MAX_SELECTIONS = 16

/** Executes a validated operation. */
export type Execute = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>

/**
 * Creates an executor that has the results of graphql-js, and their data as JSON text. It compiles each operation of a document once,
 * for the schema by which the document is valid, and writes the text straight from the resolvers. `nextTurnOf` returns what resolves when the operation of a
 * context may go on, after it has written a part of a long value. What has no valid operation or variables is executed by
 * graphql-js.
 */
export function createExecutor<Context>(nextTurnOf: (context: Context) => () => Promise<void>): Execute {
  const known = new WeakMap<DocumentNode, Map<string, Compiled | undefined>>()
  const compiledOf = (schema: GraphQLSchema, document: DocumentNode, name: string): Compiled | undefined => {
    const ofDocument = known.get(document) ?? new Map<string, Compiled | undefined>()
    known.set(document, ofDocument)
    if (!ofDocument.has(name)) ofDocument.set(name, compile(schema, document, name || undefined))
    return ofDocument.get(name)
  }

  return (args) => {
    const { schema, document, operationName, variableValues, rootValue } = args
    const compiled = compiledOf(schema, document, operationName ?? '')
    if (!compiled || compiled.schema !== schema) return execute(args)
    const { operation } = compiled
    const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variableValues ?? {})
    if (!coerced) return execute(args)
    const context = args.contextValue as Context
    const nextTurn = nextTurnOf(context)
    return executed(
      new Execution({ source: compiled, variables: coerced, rootValue, context, nextTurn }),
      selectionOf(compiled, coerced),
    )
  }
}

function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  name: string | undefined,
): Compiled | undefined {
  const operation = getOperationAST(document, name)
  if (!operation || !schema.getRootType(operation.operation)) return undefined
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null)
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition
  }
  const conditions = new Set<string>()
  visit(document, {
    Directive: ({ arguments: args = [] }) => {
      for (const { value } of args) if (value.kind === Kind.VARIABLE) conditions.add(value.name.value)
    },
  })
  const compiled: Compiled = {
    schema,
    operation,
    fragments,
    conditions: [...conditions],
    selections: new Map(),
    compile: ({ nodes }, type, variables) =>
      new Selection(compiled, type, collectSubfields(schema, fragments, { ...variables }, type, nodes)),
  }
  return compiled
}

function selectionOf(compiled: Compiled, variables: Variables): Selection {
  const { conditions, selections, schema, fragments, operation } = compiled
  const key = conditions.map((name) => variables[name]).join()
  const known = selections.get(key)
  if (known) return known
  const type = schema.getRootType(operation.operation)
  if (!type) throw new Error(`the schema has no ${operation.operation}`)
  const fields = collectFields(schema, fragments, { ...variables }, type, operation.selectionSet)
  const selection = new Selection(compiled, type, fields)
  if (selections.size < MAX_SELECTIONS) selections.set(key, selection)
  return selection
}

function executed(execution: Execution, root: Selection): ExecutionResult | Promise<ExecutionResult> {
  const { source, rootValue, errors } = execution
  const resultOf = (text: string): ExecutionResult => withErrors(errors, new DataText(text))
  const failed = (error: unknown): ExecutionResult => {
    // the executor has located the errors of all fields
    execution.collect(error as GraphQLError, undefined)
    return withErrors(errors, null)
  }
  try {
    const isMutation = source.operation.operation === OperationTypeNode.MUTATION
    const text: Text = isMutation
      ? root.writeSerially(rootValue, execution)
      : root.write(rootValue, execution, undefined)
    return typeof text === 'string' ? resultOf(text) : text.then(resultOf, failed)
  } catch (error) {
    return failed(error)
  }
}

const withErrors = (errors: readonly GraphQLError[], data: DataText | null): ExecutionResult =>
  errors.length === 0 ? { data } : { errors, data }
