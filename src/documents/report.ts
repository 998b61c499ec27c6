import { ConflictError, InvalidInputError, NotFoundError } from '../input/errors.ts'
import { cut, type Path, pathText, type SourceDocument } from './source.ts'

export interface DocumentPlace {
  readonly source: SourceDocument
  /** Path in the source: empty, or `items`, 3 in a list. */
  readonly at: Path
  /** Number of the document in the text, from 1. */
  readonly ordinal: number
  /** Number of documents in the text. */
  readonly total: number
}

/** Maximum number of warnings of one document; a last one counts the others. */
export const MAX_WARNINGS = 100

/** Returns the first warnings, and the number of the others. */
export function shortList(warnings: readonly string[]): string[] {
  const more = warnings.length - MAX_WARNINGS
  return more > 0 ? [...warnings.slice(0, MAX_WARNINGS), `and ${more} more warnings`] : [...warnings]
}

/** Errors and warnings of one document. Paths start at the document. */
export class DocumentReport {
  readonly #place: DocumentPlace
  readonly #warnings: string[] = []

  constructor(place: DocumentPlace) {
    this.#place = place
  }

  get warnings(): string[] {
    return shortList(this.#warnings)
  }

  warn(path: Path, message: string): void {
    this.#warnings.push(`${shortText(path)}: ${message}`)
  }

  /** Throws InvalidInputError with the line, the path and, where there are several documents, the document's number. */
  fail(path: Path, message: string, options?: ErrorOptions): never {
    const field = ['documents', this.#place.ordinal - 1, ...short(path)].join('.')
    throw new InvalidInputError(field, this.located(path, message), options)
  }

  /** Returns the message after its place in the text. */
  located(path: Path, message: string): string {
    const { source, at, ordinal, total } = this.#place
    const document = total > 1 ? [`document ${ordinal} of ${total}`] : []
    const where = [...document, `line ${source.lineOf([...at, ...path])}`].join(', ')
    return path.length > 0 ? `${where}: ${shortText(path)}: ${message}` : `${where}: ${message}`
  }

  /** Runs a check and adds the place in the document to its errors: the field of an InvalidInputError is the path. */
  checked<Result>(check: () => Result, pathOf: (field: string) => Path = pathOfField): Result {
    try {
      return check()
    } catch (error) {
      if (error instanceof InvalidInputError) this.fail(pathOf(error.field), error.message, { cause: error })
      if (error instanceof NotFoundError) throw new NotFoundError(this.located([], error.message))
      if (error instanceof ConflictError) throw new ConflictError(this.located([], error.message))
      throw error
    }
  }
}

/** Parses a field of the domain's errors: `spec.tags.0.name`. */
const pathOfField = (field: string): Path =>
  field.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part))

const short = (path: Path): Path => path.map((part) => (typeof part === 'string' ? cut(part) : part))
const shortText = (path: Path): string => pathText(short(path))
