import { InvalidInputError } from '../../input/errors.ts'

const PREFIX = 'x509.subject:'
const MAX_LENGTH = 1000

/** Throws InvalidInputError unless the text is `*` or lists attributes of a certificate's subject. */
export function checkTrustedIdentity(text: string, field: string): void {
  if (text === '*') return
  const attributes = text.length > MAX_LENGTH ? [] : attributesOf(text)
  const isGood =
    text.startsWith(PREFIX) &&
    attributes.length > 0 &&
    attributes.every(([name, value]) => /^[A-Za-z][A-Za-z0-9]*$/.test(name) && value !== '') &&
    new Set(attributes.map(([name]) => name)).size === attributes.length
  if (isGood) return
  throw new InvalidInputError(
    field,
    `${field} must be "*", or "x509.subject: C=US, O=Acme, CN=builder" with each attribute once, "," in a value as "\\,"`,
  )
}

/** Reports whether the subject has all attributes of the identity; it may have more. Source: Notary Project, trust policy. */
export function isTrustedIdentity(
  identity: string,
  subject: ReadonlyMap<string, readonly string[]>,
): boolean {
  if (identity === '*') return true
  return attributesOf(identity).every(([name, value]) => {
    const values = subject.get(name) ?? []
    return values.length === 1 && values[0] === value
  })
}

const attributesOf = (identity: string): readonly (readonly [name: string, value: string])[] =>
  identity
    .slice(PREFIX.length)
    .split(/(?<!\\),/)
    .map((part) => {
      const text = part.trim()
      const equals = text.indexOf('=')
      const value = text.slice(equals + 1).replace(/\\(.)/g, '$1')
      return [text.slice(0, Math.max(equals, 0)).trim(), value.trim()]
    })
