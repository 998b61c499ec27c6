import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases'
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth'
import { maxDirectivesPlugin } from '@escape.tech/graphql-armor-max-directives'
import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention'
import { GraphQLError, Lexer, NoSchemaIntrospectionCustomRule, Source, TokenKind } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Logger } from 'pino'
import type { GraphQLContext } from '../../graphql/kit/context.ts'
import { type ErrorReport, maskError, maskResult } from '../../graphql/kit/errors.ts'
import { withTruncatedLists } from '../../graphql/kit/truncated-lists.ts'
import { MAX_DEPTH as MAX_JSON_DEPTH, parseJson } from '../../oci/json.ts'
import {
  MAX_ALIASES,
  MAX_DEPTH,
  MAX_DIRECTIVES,
  MAX_DOCUMENT_LENGTH,
  MAX_NESTING,
  MAX_TOKENS,
} from '../request/limits.ts'

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
      if (parseJson(url.searchParams.get(name) || '{}') !== undefined) continue
      throw new GraphQLError(`"${name}" is not valid JSON of at most ${MAX_JSON_DEPTH} levels`, {
        extensions: { code: 'BAD_REQUEST', http: { status: 400 } },
      })
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

/** Adds to a response which of its lists have more items, although the operation does not set the size of their pages. */
export const truncationReports = (): Plugin<GraphQLContext, GraphQLContext> => ({
  onExecute: () => ({
    onExecuteDone({ args, result, setResult }) {
      if (!isAsyncIterable(result)) setResult(withTruncatedLists(result, args.contextValue))
    },
  }),
  onSubscribe: ({ args }) => ({
    onSubscribeResult: () => ({
      onNext: ({ result, setResult }) => setResult(withTruncatedLists(result, args.contextValue)),
    }),
  }),
})

/** Returns the error of a request that exceeds a limit. The message names the limit. */
export const tooComplex = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'TOO_COMPLEX', http: { status: 400 } } })

const limitOf = (n: number) => ({
  n,
  onReject: [
    (_context: unknown, { message }: GraphQLError): never => {
      throw tooComplex(message.replace('Syntax Error: ', ''))
    },
  ],
})

/** Returns the plugins that check a document before anything recurses into it. Cached documents were checked before. */
export const documentLimits = (cache: { has(text: string): boolean }): Plugin[] => [
  {
    onParse({ params }) {
      const text = String(params.source)
      if (!cache.has(text)) checkText(text)
    },
  },
  maxDepthPlugin({ ...limitOf(MAX_DEPTH), flattenFragments: true }),
  maxAliasesPlugin(limitOf(MAX_ALIASES)),
  maxDirectivesPlugin(limitOf(MAX_DIRECTIVES)),
]

const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L])
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R])

/** Throws TOO_COMPLEX. The lexer does not recurse, so it can read a text of any depth. */
function checkText(text: string): void {
  if (text.length > MAX_DOCUMENT_LENGTH) {
    throw tooComplex(`Document limit of ${MAX_DOCUMENT_LENGTH} characters exceeded: use variables.`)
  }
  let tokens = 0
  let nesting = 0
  for (const kind of tokensOf(text)) {
    if (++tokens > MAX_TOKENS) throw tooComplex(`Token limit of ${MAX_TOKENS} exceeded.`)
    if (OPENING.has(kind) && ++nesting > MAX_NESTING) {
      throw tooComplex(`Nesting limit of ${MAX_NESTING} brackets exceeded.`)
    }
    if (CLOSING.has(kind)) nesting--
  }
}

function* tokensOf(text: string): Generator<TokenKind> {
  const lexer = new Lexer(new Source(text))
  for (;;) {
    try {
      lexer.advance()
    } catch {
      // the parser stops here as well, and reports the error
      return
    }
    if (lexer.token.kind === TokenKind.EOF) return
    yield lexer.token.kind
  }
}
