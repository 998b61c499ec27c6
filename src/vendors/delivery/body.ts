import { isObject, MAX_DEPTH, parseJson } from '../../oci/json.ts'
import { InvalidDeliveryError } from './delivery.ts'

/** Decodes the body. Throws InvalidDeliveryError unless it is UTF-8. */
export function textOfBody(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (error) {
    throw new InvalidDeliveryError('the body is not UTF-8', { cause: error })
  }
}

/** Parses JSON; `name` is that of the text in errors. Throws InvalidDeliveryError. */
export function jsonOfText(text: string, name = 'the body'): unknown {
  const json = parseJson(text)
  if (json !== undefined) return json
  throw new InvalidDeliveryError(`${name} is not JSON, or has more than ${MAX_DEPTH} levels`)
}

/** Parses the body as JSON. Throws InvalidDeliveryError, also unless each of the `needed` fields is an object. */
export function jsonOfBody(body: Uint8Array, ...needed: readonly string[]): unknown {
  const json = jsonOfText(textOfBody(body))
  if (needed.every((key) => isObject(at(json, key)))) return json
  throw new InvalidDeliveryError(`the body has no ${needed.map((key) => `"${key}"`).join(' and ')}`)
}

/** Returns a sender's value for a message: at most 60 printable characters, a text in quotes. */
export function quoted(value: unknown): string {
  // an object may have any depth
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object'
  const text = typeof value === 'string' ? value : String(value ?? 'nothing')
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text
  const printable = short.replace(/[^\x20-\x7e…]/gu, '?')
  return typeof value === 'string' ? `"${printable}"` : printable
}

/** Returns the value at a path of keys; undefined when it does not exist. Ignores inherited properties. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value
  for (const key of path) {
    if (!(isObject(found) && Object.hasOwn(found, key))) return undefined
    found = found[key]
  }
  return found
}

/** Returns null for a field that is missing or empty. */
export const orNull = (value: unknown): unknown => (value === undefined || value === '' ? null : value)
