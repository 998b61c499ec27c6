import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention'
import { GraphQLError, NoSchemaIntrospectionCustomRule } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Logger } from 'pino'
import type { GraphQLContext } from '../../graphql/kit/context.ts'
import { type ErrorReport, maskError, maskResult } from '../../graphql/kit/errors.ts'

const PREFLIGHT_HEADERS = ['x-graphql-csrf', 'graphql-require-preflight', 'apollo-require-preflight']

/**
 * Refuses requests that a page of any site could send without a preflight (cross-site request forgery). A GET changes
 * nothing, and the page cannot read its response.
 */
export function crossSiteProtection(): Plugin {
  const { onRequestParse } = useCSRFPrevention({ requestHeaders: PREFLIGHT_HEADERS })
  return {
    onRequestParse(payload) {
      if (payload.request.method === 'GET') return
      try {
        return onRequestParse?.(payload)
      } catch {
        throw new GraphQLError(
          `cross-site request refused: use Content-Type application/json, or a header ${PREFLIGHT_HEADERS[0]}`,
          { extensions: { code: 'FORBIDDEN', http: { status: 403 } } },
        )
      }
    },
  }
}

/** Refuses invalid JSON in a query string with 400: Yoga would respond with 500. */
export const checkedParameters = (): Plugin => ({
  onRequestParse({ request, url }) {
    if (request.method !== 'GET') return
    for (const name of ['variables', 'extensions']) {
      try {
        JSON.parse(url.searchParams.get(name) || '{}')
      } catch {
        throw new GraphQLError(`"${name}" is not valid JSON`, {
          extensions: { code: 'BAD_REQUEST', http: { status: 400 } },
        })
      }
    }
  },
})

/** Hides the schema: refuses introspection, and removes suggestions of names from errors. */
export const hiddenSchema = (): Plugin => ({
  onValidate({ addValidationRule }) {
    addValidationRule(NoSchemaIntrospectionCustomRule)
    return ({ result, setResult }) => {
      setResult(
        result.map((error) => {
          const message = error.message.replace(/ Did you mean .*\?$/s, '')
          return message === error.message ? error : new GraphQLError(message, error)
        }),
      )
    }
  },
})

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
