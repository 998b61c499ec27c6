import { Composer, type CST, type Document, isMap, isScalar, isSeq, Lexer, LineCounter, Parser } from 'yaml'
import { InvalidInputError } from '../input/errors.ts'
import {
  duplicateKey,
  failAt,
  MAX_DEPTH,
  MAX_DOCUMENTS,
  type Path,
  type SourceDocument,
  tooDeep,
} from './source.ts'

const MERGE = 'tag:yaml.org,2002:merge'

/** Maximum number of lexical tokens: parsing time grows with it, and blocks all other requests. */
const MAX_TOKENS = 200_000

/**
 * Parses YAML documents; empty ones are left out.
 * Throws InvalidInputError with line and column for syntax errors, aliases, duplicate keys and exceeded limits.
 */
export function parseYaml(text: string): SourceDocument[] {
  const lines = new LineCounter()
  const composer = new Composer({
    // as oc and kubectl read it
    version: '1.1',
    // `<<` is an ordinary key: it has no use without aliases
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || tag.tag !== MERGE),
    stringKeys: true,
    // the library compares each key with all others: a large object takes minutes
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  })
  const documents: SourceDocument[] = []
  for (const document of composer.compose(bounded(tokensOf(text, lines), lines))) {
    const [error] = document.errors
    if (error) fail(lines, error.pos[0], error.message)
    checkKeys(document.contents, lines)
    const source = sourceDocument(document, lines)
    if (source.value !== null) documents.push(source)
  }
  return documents
}

const sourceDocument = (document: Document.Parsed, lines: LineCounter): SourceDocument => ({
  value: document.toJS({ maxAliasCount: 0 }),
  lineOf: (path) => lines.linePos(offsetOf(document.contents, path)).line,
})

/** Returns the tokens of the parser's own `parse`, up to the limit. */
function* tokensOf(text: string, lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  let count = 0
  for (const token of new Lexer().lex(text)) {
    if (++count > MAX_TOKENS) {
      throw new InvalidInputError(
        'documents',
        `YAML may have at most ${MAX_TOKENS} tokens: split the documents, or use JSON`,
      )
    }
    yield* parser.next(token)
  }
  yield* parser.end()
}

/** Returns the tokens that are safe to compose, which is recursive and expands aliases. */
function* bounded(tokens: Iterable<CST.Token>, lines: LineCounter): Generator<CST.Token> {
  let documents = 0
  for (const token of tokens) {
    // at the first error: the composer would collect all of them
    if (token.type === 'error') fail(lines, token.offset, token.message)
    if (token.type === 'document') {
      if (++documents > MAX_DOCUMENTS) {
        throw new InvalidInputError('documents', `there are more than ${MAX_DOCUMENTS} documents`)
      }
      checkToken(token.value, lines, 0)
    }
    yield token
  }
}

function checkToken(token: CST.Token | null | undefined, lines: LineCounter, depth: number): void {
  if (token?.type === 'alias') {
    fail(lines, token.offset, 'aliases are not supported: repeat the value of the anchor')
  }
  if (!token || !('items' in token)) return
  if (depth === MAX_DEPTH) fail(lines, token.offset, tooDeep)
  for (const { key, value } of token.items) {
    checkToken(key, lines, depth + 1)
    checkToken(value, lines, depth + 1)
  }
}

function checkKeys(node: unknown, lines: LineCounter): void {
  if (isSeq(node)) for (const item of node.items) checkKeys(item, lines)
  if (!isMap(node)) return
  const seen = new Set<string>()
  for (const { key, value } of node.items) {
    const name = keyOf(key)
    if (seen.has(name)) fail(lines, startOf(key), duplicateKey(name))
    seen.add(name)
    checkKeys(value, lines)
  }
}

/** Returns the offset of the longest prefix of the path that exists. */
function offsetOf(contents: unknown, path: Path): number {
  let node = contents
  let offset = startOf(contents)
  for (const part of path) {
    const pair = isMap(node) ? node.items.find(({ key }) => keyOf(key) === part) : undefined
    node = isSeq(node) ? node.items[Number(part)] : pair?.value
    if (!pair && !node) break
    offset = startOf(pair ? pair.key : node)
  }
  return offset
}

const keyOf = (key: unknown): string => String(isScalar(key) ? key.value : key)

const startOf = (node: unknown): number =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
    ? node.range[0]
    : 0

function fail(lines: LineCounter, offset: number, message: string): never {
  const { line, col } = lines.linePos(offset)
  failAt(line, col, message)
}
