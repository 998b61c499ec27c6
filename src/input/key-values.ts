import { InvalidInputError } from './errors.ts'

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
        `"${key.slice(0, 100)}" is not a key: letters, digits, ".", "_" and "-", with an optional "prefix/", at most ${MAX_KEY_LENGTH}`,
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
