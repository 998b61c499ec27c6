import {
  type DocumentNode,
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  print,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from 'graphql'

/** A validated operation. */
export type Operation = Pick<ExecutionArgs, 'schema' | 'document' | 'operationName' | 'variableValues'>

type Values = Readonly<Record<string, unknown>>

/** A subscription to one root field, with a key that equal operations share. */
export interface RootSubscription {
  readonly operation: Operation
  readonly field: string
  /** Coerced arguments of the root field. */
  readonly args: Values
  /** Equal for operations that have the same result for one event, regardless of their start position. */
  readonly key: string
}

/**
 * Parses an operation that subscribes to one of these root fields. Returns undefined for all others, and for invalid variables,
 * which the executor reports. `position` names the argument that only sets the start. Throws GraphQLError for any
 * subscription that skips its root field, because executors report an internal error for it.
 */
export function readSubscription(
  operation: Operation,
  fieldNames: readonly string[],
  position: string,
): RootSubscription | undefined {
  const { schema, document, operationName, variableValues } = operation
  const definition = getOperationAST(document, operationName)
  const type = schema.getSubscriptionType()
  if (definition?.operation !== 'subscription' || !type) return undefined
  const variables = getVariableValues(schema, definition.variableDefinitions ?? [], variableValues ?? {})
  if (!variables.coerced) return undefined
  const { value: node } = rootFields(definition.selectionSet, document, variables.coerced).next()
  if (!node) {
    throw new GraphQLError('the subscription skips its only field', {
      nodes: definition,
      extensions: { code: 'INVALID' },
    })
  }
  const field = type.getFields()[node.name.value]
  if (!field || !fieldNames.includes(field.name)) return undefined
  const args = getArgumentValues(field, node, variables.coerced)
  const free = freeVariable(node, position, document)
  return { operation, field: field.name, args, key: keyOf(operation, definition, free) }
}

function* rootFields(
  { selections }: SelectionSetNode,
  document: DocumentNode,
  variables: Values,
): Generator<FieldNode, undefined> {
  for (const selection of selections) {
    if (!isIncluded(selection, variables)) continue
    if (selection.kind === Kind.FIELD) {
      yield selection
    } else {
      const fragment =
        selection.kind === Kind.INLINE_FRAGMENT ? selection : fragmentOf(document, selection.name.value)
      if (fragment) yield* rootFields(fragment.selectionSet, document, variables)
    }
  }
}

const isIncluded = (node: SelectionNode, variables: Values): boolean =>
  getDirectiveValues(GraphQLSkipDirective, node, variables)?.if !== true &&
  getDirectiveValues(GraphQLIncludeDirective, node, variables)?.if !== false

const fragmentOf = (document: DocumentNode, name: string): FragmentDefinitionNode | undefined =>
  document.definitions.find(
    (definition): definition is FragmentDefinitionNode =>
      definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === name,
  )

/** Returns the variable of the position, unless another part of the operation uses it too. */
function freeVariable(node: FieldNode, position: string, document: DocumentNode): string | undefined {
  const value = node.arguments?.find(({ name }) => name.value === position)?.value
  if (value?.kind !== Kind.VARIABLE) return undefined
  const name = value.name.value
  return usesOf(document).get(name) === 1 ? name : undefined
}

const countedUses = new WeakMap<DocumentNode, ReadonlyMap<string, number>>()

function usesOf(document: DocumentNode): ReadonlyMap<string, number> {
  const known = countedUses.get(document)
  if (known) return known
  const uses = new Map<string, number>()
  visit(document, {
    VariableDefinition: () => false,
    Variable: ({ name }) => {
      uses.set(name.value, (uses.get(name.value) ?? 0) + 1)
    },
  })
  countedUses.set(document, uses)
  return uses
}

function keyOf(
  { document, operationName, variableValues }: Operation,
  definition: OperationDefinitionNode,
  free: string | undefined,
): string {
  const values: Record<string, unknown> = {}
  for (const { variable } of definition.variableDefinitions ?? []) {
    const name = variable.name.value
    if (name !== free) values[name] = variableValues?.[name]
  }
  return JSON.stringify([document.loc?.source.body ?? print(document), operationName ?? null, values])
}
