import { stringify } from 'yaml'
import { inBatches } from '../concurrency/yielding.ts'
import { isPlainObject } from './fields.ts'

/** Items of a part: a few milliseconds of work as YAML. */
export const PART = 20

/** A list of a document whose items are made, and written, in parts. */
export class Parts {
  readonly parts: Iterable<readonly object[]>

  constructor(parts: Iterable<readonly object[]>) {
    this.parts = parts
  }
}

/** Returns a list in parts; undefined for an empty one. */
export function partsOf(parts: Iterator<readonly object[]>): Parts | undefined {
  const first = parts.next()
  if (first.done) return undefined
  return new Parts(
    (function* () {
      yield first.value
      yield* { [Symbol.iterator]: () => parts }
    })(),
  )
}

/** Returns a long list in parts, a short one as it is. */
export const inParts = (items: readonly object[]): readonly object[] | Parts =>
  items.length > PART ? new Parts(inBatches(items, PART)) : items

const hasParts = (value: unknown): boolean =>
  value instanceof Parts ||
  (Array.isArray(value) ? value : isPlainObject(value) ? Object.values(value) : []).some(hasParts)

/** Yields the text of a document as JSON, in parts of bounded work. */
export function* jsonParts(document: object): Generator<string> {
  yield* jsonOf(document, '')
  yield '\n'
}

function* jsonOf(value: unknown, indent: string): Generator<string> {
  if (!hasParts(value)) {
    yield JSON.stringify(value, null, 4).replaceAll('\n', `\n${indent}`)
    return
  }
  const isList = value instanceof Parts || Array.isArray(value)
  const inner = `${indent}    `
  let separator = isList ? '[' : '{'
  for (const items of value instanceof Parts ? value.parts : [value as object]) {
    if (isList && !hasParts(items)) {
      const text = JSON.stringify(items, null, 4).slice(1, -2).replaceAll('\n', `\n${indent}`)
      yield `${separator}${text}`
      separator = ','
      continue
    }
    for (const [key, item] of Object.entries(items)) {
      yield `${separator}\n${inner}${isList ? '' : `${JSON.stringify(key)}: `}`
      yield* jsonOf(item, inner)
      separator = ','
    }
  }
  yield `\n${indent}${isList ? ']' : '}'}`
}

/** Yields the text of a document as YAML, in parts of bounded work. */
export const yamlParts = (document: object): Generator<string> => yamlOf(document, [])

type Path = readonly (string | number)[]

function* yamlOf(value: unknown, path: Path): Generator<string> {
  if (value instanceof Parts) {
    for (const items of value.parts) yield* hasParts(items) ? yamlOf(items, path) : [nested(items, path)]
  } else if (Array.isArray(value)) {
    for (const item of value) yield* hasParts(item) ? yamlOf(item, [...path, 0]) : [nested([item], path)]
  } else if (isPlainObject(value)) {
    let isFirst = true
    for (const [key, child] of Object.entries(value)) {
      const isWhole = !hasParts(child)
      const text = nested({ [key]: isWhole ? child : [] }, path)
      const line = isWhole ? text : text.replace(/ \[\]\n$/, '\n')
      // the dash of an item is before its first key
      yield isFirst || path.at(-1) !== 0 ? line : line.replace(/^( *)- /, '$1  ')
      if (!isWhole) yield* yamlOf(child, [...path, key])
      isFirst = false
    }
  }
}

/** Returns the text of a value at its place in a document, without the lines of the keys that lead there. */
function nested(value: unknown, path: Path): string {
  const whole = [...path]
    .reverse()
    .reduce((child: unknown, at) => (at === 0 ? [child] : { [at]: child }), value)
  const text = stringify(whole, {
    // the version that oc and kubectl read, in which `on` and `1:30` are quoted
    version: '1.1',
    indentSeq: false,
    lineWidth: 0,
    aliasDuplicateObjects: false,
  })
  const keys = path.filter((at) => typeof at === 'string').length
  let start = 0
  for (let line = 0; line < keys; line++) start = text.indexOf('\n', start) + 1
  return text.slice(start)
}
