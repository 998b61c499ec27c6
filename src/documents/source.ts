import { InvalidInputError } from '../input/errors.ts'

/** Where a value is in a document: keys of objects and indexes of lists, from the outside in. */
export type Path = readonly (string | number)[]

/** One document of a text, not looked into yet. */
export interface SourceDocument {
  readonly value: unknown
  /** The line, from 1, of what the path names, or of the innermost thing around it that is there. */
  lineOf(path: Path): number
}

/** Characters of one manifest; a request's body is bounded too. */
export const MAX_MANIFEST_LENGTH = 1024 * 1024
/** Objects and lists inside each other. */
export const MAX_DEPTH = 32
/** Documents of one manifest, those in lists counted. */
export const MAX_DOCUMENTS = 1000
/** Spec tags of one manifest: all are written in one transaction, during which nothing else is answered. */
export const MAX_TAGS = 5000

/** Characters of a key or value that a message shows. */
const SHOWN = 100
const PLAIN_KEY = /^[A-Za-z_][\w-]*$/

/** `spec.tags[0].from`; a key that is no plain word is quoted: `metadata.labels["a.b/c"]`. */
export function pathText(path: Path): string {
  const text = path.map((part) => {
    if (typeof part === 'number') return `[${part}]`
    return PLAIN_KEY.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`
  })
  return text.join('').replace(/^\./, '')
}

/** A text of somebody else's, cut where it is long. */
export const cut = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)

/** The same for a message: quoted. */
export const quote = (text: string): string => JSON.stringify(cut(text))

/** Throws InvalidInputError: the text is no document. Line and column are counted from 1. */
export function failAt(line: number, column: number, message: string): never {
  throw new InvalidInputError('manifest', `line ${line}, column ${column}: ${message}`)
}

export const tooDeep = `objects and lists are more than ${MAX_DEPTH} deep inside each other`
export const duplicateKey = (key: string): string => `the key ${quote(key)} is there twice`
