import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Logger } from 'pino'
import type { GraphQLContext } from '../../graphql/kit/context.ts'
import { type ErrorReport, maskError, maskResult } from '../../graphql/kit/errors.ts'

/** Masks errors of executions, and all errors around them. */
export function errorMasking(log: Logger): Plugin<GraphQLContext, GraphQLContext> {
  const reportOf = ({ requestId }: GraphQLContext): ErrorReport => ({ requestId, log })
  return {
    onExecute: () => ({
      onExecuteDone({ args, result, setResult }) {
        if (!isAsyncIterable(result)) setResult(maskResult(result, reportOf(args.contextValue)))
      },
    }),
    onSubscribe: ({ args }) => ({
      onSubscribeResult({ result, setResult }) {
        if (!isAsyncIterable(result)) setResult(maskResult(result, reportOf(args.contextValue)))
        return {
          onNext: ({ result, setResult }) => setResult(maskResult(result, reportOf(args.contextValue))),
        }
      },
      onSubscribeError: ({ error, setError }) => setError(maskError(error, reportOf(args.contextValue))),
    }),
    onResultProcess({ result, setResult, serverContext }) {
      if (isAsyncIterable(result) || Array.isArray(result)) return
      setResult(maskResult(result, reportOf(serverContext)))
    },
  }
}
