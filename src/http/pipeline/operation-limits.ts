import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import { resultText } from '../../graphql/execute/data-text.ts'
import { formatResult } from '../../graphql/kit/errors.ts'
import { LONG_RESULT } from '../request/long-result.ts'
import type { OperationContext } from './operation-context.ts'

/** Ends operations at the limits of their work, and leaves the text of long results to the transport. */
export const operationLimits = (): Plugin<OperationContext, OperationContext> => ({
  onExecute({ args, executeFn, setExecuteFn }) {
    const { work } = args.contextValue
    setExecuteFn((given) => work.bound(executeFn(given)))
  },
  onSubscribe({ args }) {
    const { work } = args.contextValue
    // the executor ends the subscription with the reason of the signal
    Object.assign(args, { signal: work.signal })
    return { onSubscribeResult: () => ({ onNext: () => work.restart() }) }
  },
  onResultProcess({ result, setResult, serverContext: { taken } }) {
    if (isAsyncIterable(result) || Array.isArray(result) || result.data == null) return
    const text = resultText(formatResult(result))
    const isLong = taken !== undefined && text.length > LONG_RESULT
    if (isLong) taken.result = text
    setResult({ ...result, stringify: () => (isLong ? '' : text) })
  },
})
