import {
  type DocumentNode,
  type ExecutionResult,
  getOperationAST,
  Kind,
  type SelectionSetNode,
} from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { OperationRecord } from '../request/request-record.ts'
import type { OperationContext } from './operation-context.ts'

/** Characters of an operation's name in the log: clients choose it. */
const MAX_NAME = 100

/**
 * Fills the record of each operation. In metrics its root field stands for it: the schema has few of them, and clients choose any
 * number of names.
 */
export const operationReports = (): Plugin<OperationContext, OperationContext> => ({
  onExecute({ args }) {
    const { operation } = args.contextValue
    if (!operation) return
    const since = performance.now()
    describe(operation, args.document, args.operationName)
    return {
      onExecuteDone({ result }) {
        operation.seconds = (performance.now() - since) / 1000
        if (!isAsyncIterable(result)) addCodes(operation, result)
      },
    }
  },
  onSubscribe({ args }) {
    const { operation } = args.contextValue
    if (!operation) return
    const since = performance.now()
    describe(operation, args.document, args.operationName)
    return {
      onSubscribeResult({ result }) {
        operation.seconds = (performance.now() - since) / 1000
        if (!isAsyncIterable(result)) addCodes(operation, result)
      },
    }
  },
  onResultProcess({ result, serverContext }) {
    // also of an operation that was not executed
    if (serverContext.operation && !isAsyncIterable(result) && !Array.isArray(result)) {
      addCodes(serverContext.operation, result)
    }
  },
})

/** Adds the codes of the errors of a result. */
export function addCodes({ codes }: OperationRecord, { errors = [] }: Pick<ExecutionResult, 'errors'>): void {
  for (const { extensions } of errors) codes.add(String(extensions.code ?? 'INTERNAL'))
}

/** Adds the type, name and root field of the operation that a document has. */
export function describe(record: OperationRecord, document: DocumentNode, name?: string | null): void {
  const definition = getOperationAST(document, name)
  if (!definition) return
  record.type = definition.operation
  if (definition.name) record.name = definition.name.value.slice(0, MAX_NAME)
  const [field = 'none', ...others] = new Set(fieldsIn(definition.selectionSet, document))
  record.field = others.length > 0 ? 'several' : field
}

function* fieldsIn({ selections }: SelectionSetNode, document: DocumentNode): Generator<string> {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) yield selection.name.value
    else if (selection.kind === Kind.INLINE_FRAGMENT) yield* fieldsIn(selection.selectionSet, document)
    else {
      for (const one of document.definitions) {
        if (one.kind !== Kind.FRAGMENT_DEFINITION || one.name.value !== selection.name.value) continue
        yield* fieldsIn(one.selectionSet, document)
      }
    }
  }
}
