import { invalid, quoted } from '../../../input/errors.ts'
import { hasControlCharacter } from '../../../oci/control-characters.ts'
import { type MovedTag, PLACEHOLDERS, textsOf } from '../moved-tag.ts'
import { checkPlaceholders, fillText } from '../template.ts'

// What the kinds of actions check alike. Everything here throws InvalidInputError that names the field and what is allowed.

/** Characters of a name that is part of a path, and of a text with placeholders. */
const MAX = { segment: 255, text: 4_000, secret: 4_000 }
/** Printable ASCII without spaces: it may be the value of a header. */
const TOKEN = /^[\x21-\x7e]+$/
/** Names of objects of Kubernetes. */
const OBJECT_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/

/** What a text must be. */
interface Allowed {
  readonly pattern: RegExp
  /** Follows `must be`: `the name of a repository: letters, digits, …`. */
  readonly allowed: string
}

/** Returns a text that matches. */
export function checkText(text: string, field: string, { pattern, allowed }: Allowed): string {
  if (text.length <= MAX.segment && text !== '.' && text !== '..' && pattern.test(text)) return text
  throw invalid(field, `is ${quoted(text)}: it must be ${allowed}`)
}

/** Returns the name of an object of Kubernetes. */
export const checkObjectName = (text: string, field: string): string =>
  checkText(text, field, {
    pattern: OBJECT_NAME,
    allowed: 'a name of Kubernetes: lower-case letters, digits, "-" and ".", at most 253',
  })

/** Returns secrets by name, without those that are not given. Messages do not repeat them. */
export function checkSecrets(
  given: Readonly<Record<string, string | null | undefined>>,
  field: string,
): Record<string, string> {
  const secrets: Record<string, string> = {}
  for (const [name, secret] of Object.entries(given)) {
    if (secret == null) continue
    if (secret.length > MAX.secret || !TOKEN.test(secret)) {
      throw invalid(
        `${field}.${name}`,
        `must have 1 to ${MAX.secret} printable ASCII characters, none of them spaces`,
      )
    }
    secrets[name] = secret
  }
  return secrets
}

/** Returns a text for people that may contain placeholders. */
export function checkMessage(text: string, field: string): string {
  if (text.trim() === '' || text.length > MAX.text || hasControlCharacter(text.replaceAll(/[\n\t]/g, ''))) {
    throw invalid(field, `must have 1 to ${MAX.text} characters, none of them control characters`)
  }
  checkPlaceholders(text, { known: PLACEHOLDERS, field })
  return text
}

/** A variable, an input or a parameter; the value may contain placeholders. */
export interface NamedValue {
  readonly name: string
  readonly value: string
}

/** How many there may be, and what their names are. */
interface AllowedNames extends Allowed {
  readonly most: number
}

/** Returns values with distinct names. */
export function checkNamedValues(
  values: readonly NamedValue[],
  field: string,
  { most, ...names }: AllowedNames,
): readonly NamedValue[] {
  if (values.length > most) throw invalid(field, `must be at most ${most}`)
  const seen = new Set<string>()
  return values.map(({ name, value }, at) => {
    const place = `${field}.${at}`
    checkText(name, `${place}.name`, names)
    if (seen.has(name)) throw invalid(`${place}.name`, `is ${quoted(name)}, which occurs twice`)
    seen.add(name)
    return { name, value: value === '' ? value : checkMessage(value, `${place}.value`) }
  })
}

/** Returns the values with the placeholders replaced. */
export function fillValues(values: readonly NamedValue[], move: MovedTag): NamedValue[] {
  const texts = textsOf(move)
  return values.map(({ name, value }) => ({ name, value: fillText(value, texts) }))
}

/** Returns the body of a form. Secrets in it are spelled as `encodeURIComponent` does, so that they are found and masked. */
export const formOf = (values: readonly NamedValue[]): string =>
  values.map(({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')

export const FORM = { 'content-type': 'application/x-www-form-urlencoded' } as const
export const JSON_TYPE = { 'content-type': 'application/json' } as const
