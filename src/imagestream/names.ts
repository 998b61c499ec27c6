import { isRepositoryName } from '../oci/reference.ts'
import { isTagName, TAG_GRAMMAR, type TagName } from '../oci/tag.ts'
import { InvalidInputError } from './errors.ts'

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/
const MAX_STREAM_NAME = 253

/** A namespace: a DNS label. Throws InvalidInputError. */
export function checkNamespace(namespace: string, field = 'namespace'): void {
  if (!LABEL.test(namespace)) {
    throw new InvalidInputError(
      field,
      `"${namespace}" is not a namespace: 1 to 63 lowercase letters, digits and dashes, beginning and ending with a letter or digit`,
    )
  }
}

/** A stream's name, which must also be one that can be pushed to. Throws InvalidInputError. */
export function checkStreamName(namespace: string, name: string, field = 'name'): void {
  if (name.length > MAX_STREAM_NAME || !SUBDOMAIN.test(name) || !isRepositoryName(`${namespace}/${name}`)) {
    throw new InvalidInputError(
      field,
      `"${name}" is not an image stream's name: at most ${MAX_STREAM_NAME} lowercase letters, digits, dashes and dots, ` +
        'each part beginning and ending with a letter or digit, and namespace/name at most 255 characters',
    )
  }
}

/** Throws InvalidInputError. */
export function checkTagName(tag: string, field = 'tag'): TagName {
  if (!isTagName(tag))
    throw new InvalidInputError(field, `"${tag}" is not a tag: it must match ${TAG_GRAMMAR}`)
  return tag
}

/** `ruby:latest` or `ruby@sha256:abc`, taken apart; without either, the tag `latest`. */
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
