/** Characters of a part; some more where one value is longer. */
const PART = 16 * 1024

interface Output {
  text: string
}

/**
 * Yields the JSON text of a value, the same as that of `JSON.stringify`, in parts of bounded length: the whole text of a long
 * value takes a second. Source: ECMA-262, SerializeJSONProperty.
 */
export function* jsonParts(value: unknown): Generator<string, undefined> {
  const output: Output = { text: '' }
  yield* write(output, value)
  yield output.text
}

function* write(output: Output, value: unknown): Generator<string, undefined> {
  // one call for a whole value takes a fraction of the time of a walk through it
  if (rest(value, PART) > 0) output.text += JSON.stringify(value) ?? 'null'
  else if (typeof value === 'string' && value.length > PART) yield* writeText(output, value)
  else if (Array.isArray(value)) yield* writeList(output, value)
  else if (typeof value === 'object' && value !== null && !('toJSON' in value))
    yield* writeObject(output, value)
  else output.text += JSON.stringify(value) ?? 'null'
}

function taken(output: Output): string {
  const { text } = output
  output.text = ''
  return text
}

function* writeList(output: Output, items: readonly unknown[]): Generator<string, undefined> {
  let separator = '['
  for (const item of items) {
    output.text += separator
    separator = ','
    yield* write(output, item)
    if (output.text.length > PART) yield taken(output)
  }
  output.text += items.length === 0 ? '[]' : ']'
}

function* writeObject(output: Output, object: object): Generator<string, undefined> {
  let separator = '{'
  for (const [name, value] of Object.entries(object) as [string, unknown][]) {
    if (value === undefined || typeof value === 'function') continue
    output.text += `${separator}${JSON.stringify(name)}:`
    separator = ','
    yield* write(output, value)
    if (output.text.length > PART) yield taken(output)
  }
  output.text += separator === '{' ? '{}' : '}'
}

/** Characters of a value that is no text, about; more for a date or another object with a text of its own. */
const SHORT = 10

/** Returns what is left of a number of characters after about the text of the value; counts no further once nothing is left. */
function rest(value: unknown, left: number): number {
  if (typeof value === 'string') return left - value.length - 2
  if (typeof value !== 'object' || value === null) return left - SHORT
  let now = left - SHORT
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length && now > 0; at++) now = rest(value[at], now)
  } else {
    for (const name in value) {
      if (now <= 0) break
      now = rest((value as Record<string, unknown>)[name], now - name.length)
    }
  }
  return now
}

const HIGH_SURROGATE = /[\uD800-\uDBFF]$/

function* writeText(output: Output, text: string): Generator<string, undefined> {
  output.text += '"'
  for (let at = 0; at < text.length; ) {
    const part = text.slice(at, at + PART)
    // the two halves of a character stay together: JSON.stringify escapes a half
    const whole = at + PART < text.length && HIGH_SURROGATE.test(part) ? part.slice(0, -1) : part
    output.text += JSON.stringify(whole).slice(1, -1)
    at += whole.length
    yield taken(output)
  }
  output.text += '"'
}
