import { invalid } from '../../input/errors.ts'

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

/** Returns the JSON text of a template with the values inserted into its texts. */
export const fill = (template: Template, values: Readonly<Record<string, string>>): string =>
  JSON.stringify(template, (_key, value: unknown) =>
    typeof value === 'string' ? fillText(value, values) : value,
  )

/** Returns a text with the values inserted. */
export const fillText = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replaceAll(PLACEHOLDER, (placeholder, name: string) => values[name] ?? placeholder)
