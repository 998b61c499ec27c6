import { isObject } from '../../oci/descriptor.ts'
import { InvalidDeliveryError } from './sender.ts'

/** The body as text. Throws InvalidDeliveryError. */
export function textOfBody(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (error) {
    throw new InvalidDeliveryError('the body is not UTF-8', { cause: error })
  }
}

/** The value that a JSON text stands for; keys like `__proto__` are plain keys of it. Throws InvalidDeliveryError. */
export function parseJson(text: string, what = 'the body'): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InvalidDeliveryError(`${what} is not JSON`, { cause: error })
  }
}

/** The body as JSON. Throws InvalidDeliveryError. */
export const jsonOfBody = (body: Uint8Array): unknown => parseJson(textOfBody(body))

/** The text, or empty for what is none. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What a sender wrote, for a person: short and of printable characters alone, a text in quotes. */
export function quoted(value: unknown): string {
  // an object is named, and not written: it may be of any depth
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  const text = typeof value === 'string' ? value : String(value ?? 'nothing')
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text
  const printable = short.replace(/[^\x20-\x7e…]/gu, '?')
  return typeof value === 'string' ? `"${printable}"` : printable
}

/** What stands at the path of keys; undefined where there is nothing of that name, of the value's own. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value
  for (const key of path) {
    if (!(isObject(found) && Object.hasOwn(found, key))) return undefined
    found = found[key]
  }
  return found
}

/** Nothing where a sender leaves a field out, or empty. */
export const given = (value: unknown): unknown => (value === undefined || value === '' ? null : value)
