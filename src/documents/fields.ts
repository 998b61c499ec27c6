import { type KeyValue, writeKeyValues } from '../input/key-values.ts'
import type { DocumentReport } from './report.ts'
import { type Path, quote } from './source.ts'

/**
 * One object of a document, read field by field. A field that is null counts as left out, as in Kubernetes.
 * Of those that nobody asked for by the end `warnUnread` tells.
 */
export class Fields {
  readonly path: Path
  readonly report: DocumentReport
  readonly #values: ReadonlyMap<string, unknown>
  readonly #read = new Set<string>()
  readonly #children: Fields[] = []

  /** Throws InvalidInputError for what is no object. */
  constructor(value: unknown, path: Path, report: DocumentReport) {
    if (!isObject(value)) report.fail(path, `must be an object, and is ${kindOf(value)}`)
    this.path = path
    this.report = report
    this.#values = new Map(Object.entries(value))
  }

  text(key: string): string | null {
    const value = this.#take(key)
    if (value !== null && typeof value !== 'string') this.#mistaken(key, 'a text', value)
    return value
  }

  /** A text that must be there and not be empty. */
  required(key: string): string {
    return this.text(key) || this.fail(key, 'is missing')
  }

  flag(key: string): boolean | null {
    const value = this.#take(key)
    if (value !== null && typeof value !== 'boolean') this.#mistaken(key, 'true or false', value)
    return value
  }

  /** One of these texts; an empty one counts as left out, as Go writes it. */
  choice<Choice extends string>(key: string, choices: readonly Choice[]): Choice | null {
    const text = this.text(key) || null
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
    if (!Array.isArray(value)) return this.#mistaken(key, 'a list', value)
    return value.map((item, at) => this.#child(item, [...this.path, key, at]))
  }

  /** Labels or annotations, checked. */
  keyValues(key: string): KeyValue[] {
    const value = this.#take(key) ?? {}
    const path = [...this.path, key]
    if (!isObject(value)) return this.#mistaken(key, 'an object of texts', value)
    const entries = Object.entries(value).map(([name, text]) => {
      if (typeof text !== 'string') return this.report.fail([...path, name], mistake('a text', text))
      return { key: name, value: text }
    })
    this.report.checked(
      () => writeKeyValues(entries, key),
      (field) => {
        const at = /\.(\d+)\.key$/.exec(field)?.[1]
        const entry = at === undefined ? undefined : entries[Number(at)]
        return entry ? [...path, entry.key] : path
      },
    )
    return entries
  }

  /** Fields that are known, and that only a server sets. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#read.add(key)
  }

  /** Throws InvalidInputError of the field. */
  fail(key: string, message: string): never {
    return this.report.fail([...this.path, key], message)
  }

  /** Warns of every field, here and below, that was not read. */
  warnUnread(): void {
    for (const key of this.#values.keys()) {
      if (!this.#read.has(key)) this.report.warn([...this.path, key], 'unknown here, and not kept')
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

  #mistaken(key: string, wanted: string, value: unknown): never {
    return this.fail(key, mistake(wanted, value))
  }
}

// YAML has values that are objects and no mapping: times, sets, binary
export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

const mistake = (wanted: string, value: unknown): string =>
  `must be ${wanted}, and is ${kindOf(value)}${wanted === 'a text' && isUnquoted(value) ? ': put it in quotes' : ''}`

const isUnquoted = (value: unknown): boolean =>
  ['number', 'bigint', 'boolean'].includes(typeof value) || value instanceof Date

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Date) return 'a time'
  if (isObject(value)) return 'an object'
  if (typeof value === 'string') return 'a text'
  if (typeof value === 'object') return 'of a kind that JSON does not have'
  return `the ${typeof value} ${value}`
}
