import { InvalidInputError } from '../input/errors.ts'

/** Place of a value in a document: keys of objects and indexes of lists, outermost first. */
export type Path = readonly (string | number)[]

/** One document of a text, before its fields are checked. */
export interface SourceDocument {
  readonly value: unknown
  /** Returns the line, from 1, of the value at the path, or of the innermost value around it that exists. */
  lineOf(path: Path): number
}

/** Maximum number of characters of one request. */
export const MAX_DOCUMENTS_LENGTH = 1024 * 1024
/** Maximum depth of nested objects and lists. */
export const MAX_DEPTH = 32
/** Maximum number of documents of one request, including those in lists. */
export const MAX_DOCUMENTS = 1000
/** Maximum number of spec tags of one request: all are written in one transaction, which blocks all other requests. */
export const MAX_TAGS = 5000

/** Maximum number of characters of a key or value in a message. */
const MAX_QUOTED = 100
const PLAIN_KEY = /^[A-Za-z_][\w-]*$/

/** Formats a path as `spec.tags[0].from`; a key that is not a plain word is quoted: `metadata.labels["a.b/c"]`. */
export function pathText(path: Path): string {
  const text = path.map((part) => {
    if (typeof part === 'number') return `[${part}]`
    return PLAIN_KEY.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`
  })
  return text.join('').replace(/^\./, '')
}

/** Returns a client's text for a message, cut where it is long. */
export const cut = (text: string): string =>
  text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text

/** Returns a client's text for a message, cut and in quotation marks. */
export const quote = (text: string): string => JSON.stringify(cut(text))

/** Throws InvalidInputError for a text that cannot be parsed. Line and column are counted from 1. */
export function failAt(line: number, column: number, message: string): never {
  throw new InvalidInputError('documents', `line ${line}, column ${column}: ${message}`)
}

/** Message about a document that is nested too deep. */
export const tooDeep = `objects and lists are nested more than ${MAX_DEPTH} deep`
/** Returns the message about a key that appears twice in one object. */
export const duplicateKey = (key: string): string => `the key ${quote(key)} appears twice`
