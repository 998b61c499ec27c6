import { ConflictError, InvalidInputError, NotFoundError } from '../input/errors.ts'
import { cut, type Path, pathText, type SourceDocument } from './source.ts'

export interface DocumentPlace {
  readonly source: SourceDocument
  /** Where in its source it is: empty, or `items`, 3 in a list. */
  readonly at: Path
  /** Its number among the documents of the manifest, from 1, and how many there are. */
  readonly ordinal: number
  readonly total: number
}

/** Warnings, of which one document gets as many and then their number. */
export const MAX_WARNINGS = 100

/** What is found to be wrong with one document; paths are within it. */
export class DocumentReport {
  readonly #place: DocumentPlace
  readonly #warnings: string[] = []

  constructor(place: DocumentPlace) {
    this.#place = place
  }

  get warnings(): string[] {
    const more = this.#warnings.length - MAX_WARNINGS
    return more > 0
      ? [...this.#warnings.slice(0, MAX_WARNINGS), `and ${more} more warnings`]
      : [...this.#warnings]
  }

  warn(path: Path, message: string): void {
    this.#warnings.push(`${shown(path)}: ${message}`)
  }

  /** Throws InvalidInputError with the document's number where there are several, the line and the path. */
  fail(path: Path, message: string, options?: ErrorOptions): never {
    const field = ['manifest', this.#place.ordinal - 1, ...short(path)].join('.')
    throw new InvalidInputError(field, this.located(path, message), options)
  }

  /** The message with where it belongs before it. */
  located(path: Path, message: string): string {
    const { source, at, ordinal, total } = this.#place
    const document = total > 1 ? [`document ${ordinal} of ${total}`] : []
    const where = [...document, `line ${source.lineOf([...at, ...path])}`].join(', ')
    return path.length > 0 ? `${where}: ${shown(path)}: ${message}` : `${where}: ${message}`
  }

  /** What the check gives. Errors that it throws are told as the document's own: an InvalidInputError's field is the path. */
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

/** `spec.tags.0.name`, as the domain writes it. */
const pathOfField = (field: string): Path =>
  field.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part))

const short = (path: Path): Path => path.map((part) => (typeof part === 'string' ? cut(part) : part))
const shown = (path: Path): string => pathText(short(path))
