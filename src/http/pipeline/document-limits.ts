import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases'
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth'
import { maxDirectivesPlugin } from '@escape.tech/graphql-armor-max-directives'
import { GraphQLError, Lexer, Source, TokenKind } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import {
  MAX_ALIASES,
  MAX_DEPTH,
  MAX_DIRECTIVES,
  MAX_DOCUMENT_LENGTH,
  MAX_NESTING,
  MAX_TOKENS,
} from '../request/limits.ts'

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
