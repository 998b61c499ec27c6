import { jsonParts } from '../../oci/json-parts.ts'

/** JSON text, or a promise for it. */
export type Text = string | Promise<string>

/** Reports whether a value is a promise, as graphql-js does. */
export const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

/** Joins texts in order. Those that are promises are awaited together. */
export class TextWriter {
  #text: string
  #parts: Text[] | undefined

  constructor(beginning: string) {
    this.#text = beginning
  }

  add(text: Text): void {
    if (this.#parts) this.#parts.push(text)
    else if (typeof text === 'string') this.#text += text
    else this.#parts = [this.#text, text]
  }

  /** Returns all texts with this one at the end. */
  end(end: string): Text {
    if (!this.#parts) return this.#text + end
    this.#parts.push(end)
    return joined(this.#parts)
  }

  /** Returns the promises that are pending, as one; undefined when there is none. */
  get pending(): Promise<string> | undefined {
    return this.#parts && joined(this.#parts)
  }
}

/**
 * Returns the texts as one. It settles with the last of them or the first that rejects, as `Promise.all` and in the same turn: of two
 * errors of one operation that of graphql-js comes first.
 */
function joined(parts: readonly Text[]): Promise<string> {
  const texts: string[] = []
  let waiting = parts.length
  return new Promise((resolve, reject) => {
    parts.forEach((part, at) => {
      Promise.resolve(part).then((text) => {
        texts[at] = text
        waiting--
        if (waiting === 0) resolve(texts.join(''))
      }, reject)
    })
  })
}

/** Characters of a value whose text is made at once. */
const SHORT = 16 * 1024

/** Characters that a string may need to escape. */
const ESCAPED = /["\\\p{Cc}\p{Cs}]/u

/**
 * Returns the JSON text of a serialized value. That of a long one is made in parts, and `nextTurn` resolves before each of them:
 * other operations run meanwhile.
 */
export function jsonText(value: unknown, nextTurn: () => Promise<void>): Text {
  switch (typeof value) {
    case 'string':
      if (value.length > SHORT) return longText(value, nextTurn)
      return ESCAPED.test(value) ? JSON.stringify(value) : `"${value}"`
    case 'number':
      return Number.isFinite(value) ? `${value}` : 'null'
    case 'boolean':
      return value ? 'true' : 'false'
    default:
      return longText(value, nextTurn)
  }
}

function longText(value: unknown, nextTurn: () => Promise<void>): Text {
  const parts = jsonParts(value)
  const first = parts.next()
  const second = parts.next()
  if (second.done) return first.value ?? ''
  return inTurns(`${first.value}${second.value}`, parts, nextTurn)
}

async function inTurns(
  beginning: string,
  parts: Iterable<string>,
  nextTurn: () => Promise<void>,
): Promise<string> {
  let text = beginning
  for (const part of parts) {
    text += part
    await nextTurn()
  }
  return text
}
