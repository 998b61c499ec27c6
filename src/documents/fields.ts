import type { DocumentReport } from './report.ts'
import { type Path, quote } from './source.ts'

/**
 * Reader of the fields of one object in a document. A field that is null counts as missing, as in Kubernetes.
 * `warnUnread` warns of the fields that were not read.
 */
export class Fields {
  readonly path: Path
  readonly report: DocumentReport
  readonly #values: ReadonlyMap<string, unknown>
  readonly #read = new Set<string>()
  readonly #children: Fields[] = []

  /** Throws InvalidInputError unless the value is an object. */
  constructor(value: unknown, path: Path, report: DocumentReport) {
    if (!isPlainObject(value)) report.fail(path, expected('an object', value))
    this.path = path
    this.report = report
    this.#values = new Map(Object.entries(value))
  }

  string(key: string): string | null {
    const value = this.#take(key)
    if (value !== null && typeof value !== 'string') this.#failType(key, 'a string', value)
    return value
  }

  /** Returns a string that must not be missing or empty. */
  required(key: string): string {
    return this.string(key) || this.fail(key, 'is missing')
  }

  flag(key: string): boolean | null {
    const value = this.#take(key)
    if (value !== null && typeof value !== 'boolean') this.#failType(key, 'true or false', value)
    return value
  }

  /** Returns one of these strings; an empty string counts as missing, as Go writes it. */
  choice<Choice extends string>(key: string, choices: readonly Choice[]): Choice | null {
    const text = this.string(key) || null
    const found = choices.find((choice) => choice === text)
    if (text !== null && !found) {
      this.fail(key, `${quote(text)} is not allowed: it must be ${choices.join(' or ')}`)
    }
    return found ?? null
  }

  object(key: string): Fields | null {
    const value = this.#take(key)
    return value === null ? null : this.#child(value, [...this.path, key])
  }

  objects(key: string): Fields[] {
    const value = this.#take(key) ?? []
    if (!Array.isArray(value)) return this.#failType(key, 'a list', value)
    return value.map((item, at) => this.#child(item, [...this.path, key, at]))
  }

  /** Returns a field of any type, which the caller checks; null where it is missing. */
  any(key: string): unknown {
    return this.#take(key)
  }

  /** Marks fields as read that only a server sets. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#read.add(key)
  }

  /** Throws InvalidInputError for the field. */
  fail(key: string, message: string): never {
    return this.report.fail([...this.path, key], message)
  }

  /** Warns of each field that was not read, also in inner objects. */
  warnUnread(): void {
    for (const key of this.#values.keys()) {
      if (!this.#read.has(key)) this.report.warn([...this.path, key], 'unknown field, not stored')
    }
    for (const child of this.#children) child.warnUnread()
  }

  #take(key: string): unknown {
    this.#read.add(key)
    return this.#values.get(key) ?? null
  }

  #child(value: unknown, path: Path): Fields {
    const child = new Fields(value, path, this.report)
    this.#children.push(child)
    return child
  }

  #failType(key: string, type: string, value: unknown): never {
    return this.fail(key, expected(type, value))
  }
}

/** Reports whether the value is an object of JSON. YAML has other objects: times, sets, binary data. */
export const isPlainObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** Returns what is wrong with a value of another type: `must be a list, and is an object`. */
export const expected = (type: string, value: unknown): string =>
  `must be ${type}, and is ${typeNameOf(value)}${type === 'a string' && isUnquoted(value) ? ': put it in quotes' : ''}`

const isUnquoted = (value: unknown): boolean =>
  ['number', 'bigint', 'boolean'].includes(typeof value) || value instanceof Date

function typeNameOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Date) return 'a time'
  if (isPlainObject(value)) return 'an object'
  if (typeof value === 'string') return 'a string'
  if (typeof value === 'object') return 'of a type that JSON does not have'
  return `the ${typeof value} ${value}`
}
