import { InvalidInputError, quoted } from './errors.ts'

/** A label or an annotation. */
export interface KeyValue {
  readonly key: string
  readonly value: string
}

/** Maximum number of characters of all keys and values of one object. */
export const MAX_KEY_VALUES_LENGTH = 256 * 1024
const MAX_KEY_LENGTH = 317
const KEY = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/

/** Returns JSON text in the order of the entries. Throws InvalidInputError for invalid and duplicate keys. */
export function writeKeyValues(entries: readonly KeyValue[], field: string): string {
  const seen = new Set<string>()
  let length = 0
  for (const [at, { key, value }] of entries.entries()) {
    if (key.length > MAX_KEY_LENGTH || !KEY.test(key)) {
      throw new InvalidInputError(
        `${field}.${at}.key`,
        `${quoted(key)} is not a key: letters, digits, ".", "_" and "-", with an optional "prefix/", at most ${MAX_KEY_LENGTH}`,
      )
    }
    if (seen.has(key)) throw new InvalidInputError(`${field}.${at}.key`, `the key "${key}" occurs twice`)
    seen.add(key)
    length += key.length + value.length
  }
  if (length > MAX_KEY_VALUES_LENGTH) {
    throw new InvalidInputError(
      field,
      `keys and values together have at most ${MAX_KEY_VALUES_LENGTH} characters`,
    )
  }
  return JSON.stringify(entries.map(({ key, value }) => ({ key, value })))
}

/** Parses the text of `writeKeyValues`. */
export const readKeyValues = (text: string): KeyValue[] => (text === '[]' ? [] : JSON.parse(text))

/** A change of single labels or annotations; null stands for undefined. */
export interface KeyValueChange {
  /** Replaces all. */
  readonly all?: readonly KeyValue[] | null | undefined
  readonly set?: readonly KeyValue[] | null | undefined
  /** Keys; those that are not there are ignored. */
  readonly remove?: readonly string[] | null | undefined
}

/**
 * Returns the JSON text after the change; the entries that stay keep their places. `noun` ends the names of the fields:
 * `Labels` in `setLabels`. Throws InvalidInputError.
 */
export function changeKeyValues(text: string, { all, set, remove }: KeyValueChange, noun: string): string {
  const whole = noun.toLowerCase()
  if (all != null) {
    if (set == null && remove == null) return writeKeyValues(all, whole)
    throw new InvalidInputError(
      whole,
      `"${whole}" replaces all: give it without "set${noun}" and "remove${noun}"`,
    )
  }
  if (set == null && remove == null) return text
  writeKeyValues(set ?? [], `set${noun}`)
  const changed = new Map(readKeyValues(text).map(({ key, value }) => [key, value]))
  for (const { key, value } of set ?? []) changed.set(key, value)
  const keysSet = new Set(set?.map(({ key }) => key))
  for (const [at, key] of (remove ?? []).entries()) {
    if (keysSet.has(key)) {
      throw new InvalidInputError(`remove${noun}.${at}`, `"set${noun}" sets the key ${quoted(key)}`)
    }
    changed.delete(key)
  }
  return writeKeyValues(
    [...changed].map(([key, value]) => ({ key, value })),
    `set${noun}`,
  )
}
