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
  if (typeof value === 'string' && value.length > PART) yield* writeText(output, value)
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
    if (isShort(item)) output.text += JSON.stringify(item) ?? 'null'
    else yield* write(output, item)
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
    if (isShort(value)) output.text += JSON.stringify(value)
    else yield* write(output, value)
    if (output.text.length > PART) yield taken(output)
  }
  output.text += separator === '{' ? '{}' : '}'
}

const isShort = (value: unknown): boolean =>
  typeof value === 'string' ? value.length <= PART : typeof value !== 'object' || value === null

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
