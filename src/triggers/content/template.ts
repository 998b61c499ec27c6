import { type InvalidInputError, invalid } from '../../input/errors.ts'

/** A JSON value whose texts may contain `{{ name }}`. There is no language: no conditions, no loops, no functions. */
export type Template =
  | string
  | number
  | boolean
  | null
  | readonly Template[]
  | { readonly [key: string]: Template }

const PLACEHOLDER = /\{\{\s*([\w.]+)\s*\}\}/g
/** Braces that are no placeholder: a mistyped one would be sent as it is. */
const BRACES = /\{\{|\}\}/
const MAX = { depth: 16, texts: 500 }

/**
 * Returns a template whose placeholders are all in `known`, from JSON text. Throws InvalidInputError that names the place and
 * what is allowed.
 */
export function parseTemplate(text: string, known: readonly string[], field: string): Template {
  let template: Template
  try {
    template = JSON.parse(text)
  } catch (error) {
    throw invalid(field, 'must be JSON', { cause: error })
  }
  let texts = 0
  const check = (value: Template, path: string, depth: number): void => {
    if (depth > MAX.depth) throw invalid(field, `nests more than ${MAX.depth} levels`)
    if (typeof value === 'string') {
      if (++texts > MAX.texts) throw invalid(field, `has more than ${MAX.texts} texts`)
      checkPlaceholders(value, { known, field, path })
    } else if (Array.isArray(value)) {
      for (const [at, item] of value.entries()) check(item, `${path}[${at}]`, depth + 1)
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) check(item, `${path}.${key}`, depth + 1)
    }
  }
  check(template, '$', 1)
  return template
}

/** Checks the placeholders of one text, which is the field or at `path` of it. Throws InvalidInputError as `parseTemplate` does. */
export function checkPlaceholders(
  text: string,
  {
    known,
    field,
    path,
  }: { readonly known: readonly string[]; readonly field: string; readonly path?: string },
): void {
  const at = path === undefined ? '' : ` at ${path}`
  const allowed = known.map((name) => `{{ ${name} }}`).join(', ')
  for (const [placeholder, name] of text.matchAll(PLACEHOLDER)) {
    if (!known.includes(name ?? '')) {
      throw invalid(field, `has ${placeholder}${at}, which is unknown: allowed are ${allowed}`)
    }
  }
  if (BRACES.test(text.replaceAll(PLACEHOLDER, ''))) {
    throw invalid(field, `has braces${at} that are no placeholder: allowed are ${allowed}`)
  }
}

/** Bytes of the body of a request to a receiver: a short template can make a long one. */
export const MAX_BODY = 64 * 1024

/** Returns the error of a body that would be larger. */
export const bodyTooLarge = (size: number): InvalidInputError =>
  invalid('action', `makes a body of ${size} bytes or more: at most ${MAX_BODY} are sent`)

type Values = Readonly<Record<string, string>>

/** Returns the JSON text of a template with the values inserted into its texts. Throws InvalidInputError if it would be too large. */
export function fill(template: Template, values: Values): string {
  const insert = inserting(values)
  return JSON.stringify(template, (_key, value: unknown) =>
    typeof value === 'string' ? insert(value) : value,
  )
}

/** Returns a text with the values inserted. Throws InvalidInputError if it would be too large. */
export const fillText = (text: string, values: Values): string => inserting(values)(text)

/** Returns a function that inserts values into texts, which together may become as long as a body. */
function inserting(values: Values): (text: string) => string {
  let length = 0
  return (text) =>
    text.replaceAll(PLACEHOLDER, (placeholder, name: string) => {
      const value = values[name] ?? placeholder
      length += value.length
      if (length > MAX_BODY) throw bodyTooLarge(length)
      return value
    })
}
