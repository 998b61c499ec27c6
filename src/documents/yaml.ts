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

/** Lexical tokens of a text: reading them takes their number's time, whatever they are, and nothing else is read meanwhile. */
const MAX_TOKENS = 200_000

/**
 * The documents of a YAML text, empty ones left out.
 * Throws InvalidInputError with line and column: broken syntax, aliases, a key twice, too deep, too many.
 */
export function parseYaml(text: string): SourceDocument[] {
  const lines = new LineCounter()
  const composer = new Composer({
    // as oc and kubectl read it
    version: '1.1',
    // `<<` is a key like any other: without aliases it has no use
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || tag.tag !== MERGE),
    stringKeys: true,
    // the library compares each key with every other: a large object would take minutes
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

/** What the parser's own `parse` gives, as long as it is not too much. */
function* tokensOf(text: string, lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  let count = 0
  for (const token of new Lexer().lex(text)) {
    if (++count > MAX_TOKENS) {
      throw new InvalidInputError(
        'manifest',
        `YAML of more than ${MAX_TOKENS} words and signs is not taken: give less at a time, or JSON`,
      )
    }
    yield* parser.next(token)
  }
  yield* parser.end()
}

/** Hands the tokens on that are safe to compose, which is done by recursion and follows aliases. */
function* bounded(tokens: Iterable<CST.Token>, lines: LineCounter): Generator<CST.Token> {
  let documents = 0
  for (const token of tokens) {
    // at once: the composer would gather all errors that there are
    if (token.type === 'error') fail(lines, token.offset, token.message)
    if (token.type === 'document') {
      if (++documents > MAX_DOCUMENTS) {
        throw new InvalidInputError('manifest', `there are more than ${MAX_DOCUMENTS} documents`)
      }
      checkToken(token.value, lines, 0)
    }
    yield token
  }
}

function checkToken(token: CST.Token | null | undefined, lines: LineCounter, depth: number): void {
  if (token?.type === 'alias') {
    fail(lines, token.offset, 'aliases are not taken: write out what the anchor stands for')
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

/** Offset of the longest beginning of the path that is there. */
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
