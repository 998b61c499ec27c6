import { InvalidReferenceError, parseReference, type Reference } from '../oci/reference.ts'
import {
  isNamespace,
  isStreamName,
  NAME_GRAMMAR,
  NAMESPACE_GRAMMAR,
  nameProblem,
} from '../oci/stream-name.ts'
import { isTagName, TAG_GRAMMAR, type TagName } from '../oci/tag.ts'
import { InvalidInputError, quoted } from './errors.ts'

/** Throws InvalidInputError unless the text is a namespace: one component of a repository's name. */
export function checkNamespace(namespace: string, field = 'namespace'): void {
  if (isNamespace(namespace)) return
  const problem = namespace.includes('/') ? 'it has a slash' : (nameProblem(namespace) ?? tooLong(namespace))
  throw new InvalidInputError(
    field,
    `${quoted(namespace)} is not a namespace: ${problem}; ${NAMESPACE_GRAMMAR}`,
  )
}

/** Throws InvalidInputError unless the name is valid for a stream and for a repository of the integrated registry. */
export function checkStreamName(namespace: string, name: string, field = 'name'): void {
  if (isStreamName(namespace, name)) return
  const problem = nameProblem(name) ?? tooLong(`${namespace}/${name}`)
  throw new InvalidInputError(
    field,
    `${quoted(name)} is not an image stream's name: ${problem}; ${NAME_GRAMMAR}`,
  )
}

const tooLong = (text: string): string => `it has ${text.length} characters`

/** Returns the tag, or throws InvalidInputError if it is invalid. */
export function checkTagName(tag: string, field = 'tag'): TagName {
  if (!isTagName(tag))
    throw new InvalidInputError(field, `${quoted(tag)} is not a tag: it must match ${TAG_GRAMMAR}`)
  return tag
}

/** Splits `ruby:latest` or `ruby@sha256:abc`; the default is the tag `latest`. */
export function splitName(
  name: string,
): { stream: string; tag: string } | { stream: string; digest: string } {
  const at = name.indexOf('@')
  if (at >= 0) return { stream: name.slice(0, at), digest: name.slice(at + 1) }
  const colon = name.indexOf(':')
  return colon < 0
    ? { stream: name, tag: 'latest' }
    : { stream: name.slice(0, colon), tag: name.slice(colon + 1) }
}

/** Returns the text if it refers to a whole repository, else throws InvalidInputError. */
export function checkRepository(text: string, field: string): string {
  const { tag, digest } = checkReference(text, field)
  // parsing adds the default tag `latest`: only the text shows whether a tag was written
  if (digest !== null || (tag !== null && text.endsWith(`:${tag}`))) {
    throw new InvalidInputError(
      field,
      `${quoted(text)} names one image: leave out the tag and digest to name the repository`,
    )
  }
  return text
}

/** Parses a reference. Throws InvalidInputError. */
export function checkReference(text: string, field: string): Reference {
  try {
    return parseReference(text)
  } catch (error) {
    if (error instanceof InvalidReferenceError)
      throw new InvalidInputError(field, error.message, { cause: error })
    throw error
  }
}
