import { type KeyValue, writeKeyValues } from '../input/key-values.ts'
import { expected, type Fields, isPlainObject } from './fields.ts'
import type { Path } from './source.ts'

/** Returns labels or annotations from a field. Throws InvalidInputError. */
export function keyValuesOf(fields: Fields, key: string): KeyValue[] {
  const value = fields.any(key) ?? {}
  const path = [...fields.path, key]
  if (!isPlainObject(value)) return fields.fail(key, expected('an object of strings', value))
  const entries = Object.entries(value).map(([name, text]) => {
    if (typeof text !== 'string') return fields.report.fail([...path, name], expected('a string', text))
    return { key: name, value: text }
  })
  fields.report.checked(() => writeKeyValues(entries, key), pathOfEntry(path, entries))
  return entries
}

/** Returns the place of an entry whose key is invalid: the domain's field is `labels.0.key`. */
const pathOfEntry =
  (path: Path, entries: readonly KeyValue[]) =>
  (field: string): Path => {
    const at = /\.(\d+)\.key$/.exec(field)?.[1]
    const entry = at === undefined ? undefined : entries[Number(at)]
    return entry ? [...path, entry.key] : path
  }
