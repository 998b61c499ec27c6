import { DEFAULT_NAMESPACE, type StreamName } from '../oci/stream-name.ts'
import type { TagName } from '../oci/tag.ts'
import { InvalidInputError, quoted } from './errors.ts'
import { checkGlob } from './glob.ts'
import { checkNamespace, checkStreamName, checkTagName } from './names.ts'

// Clients name a stream, a tag or an image by one text, `[namespace/]stream`, `[namespace/]stream:tag` or
// `[namespace/]stream@digest`, or by the parts in fields of their own. Each function has the field of the text as `field`, for
// errors.

/** What a client wrote; null stands for undefined. */
interface GivenName {
  /** The whole text; with `namespace`, it does not contain the namespace, and may have slashes of its own. */
  readonly name: string
  readonly namespace?: string | null | undefined
  readonly tag?: string | null | undefined
}

/** Parts of a name, not checked, as far as it has them. */
interface NameParts {
  readonly namespace: string | undefined
  readonly stream: string
  readonly tag: string | null
  readonly digest: string | null
}

function partsOf({ name, namespace, tag }: GivenName, field: string): NameParts {
  const [subject = '', digest = null] = splitAt(name, '@')
  const [path = '', ownTag = null] = splitAt(subject, ':')
  if (ownTag !== null && tag != null && ownTag !== tag) {
    throw new InvalidInputError(
      field,
      `"${field}" names the tag ${quoted(ownTag)}, and "tag" ${quoted(tag)}: give one of them`,
    )
  }
  const [first = '', rest] = namespace == null ? splitAt(path, '/') : [path]
  return {
    namespace: namespace ?? (rest === undefined ? undefined : first),
    stream: rest ?? first,
    tag: ownTag ?? tag ?? null,
    digest,
  }
}

const splitAt = (text: string, separator: string): readonly string[] => {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function streamNameOf(parts: NameParts, given: GivenName, field: string): StreamName {
  const { namespace = DEFAULT_NAMESPACE, stream: name } = parts
  checkNamespace(namespace, given.namespace == null ? field : 'namespace')
  checkStreamName(namespace, name, field)
  return { namespace, name }
}

const refuse = (name: string, field: string, problem: string): never => {
  throw new InvalidInputError(field, `${quoted(name)} ${problem}`)
}

/** Returns the stream that a client names; its namespace is `default` unless given. Throws InvalidInputError. */
export function streamNamed(given: GivenName, field = 'name'): StreamName {
  const parts = partsOf(given, field)
  if (parts.digest !== null)
    refuse(
      given.name,
      field,
      `names an image: leave out ${quoted(`@${parts.digest}`)} to name the image stream`,
    )
  if (parts.tag !== null)
    refuse(given.name, field, `names a tag: leave out ${quoted(`:${parts.tag}`)} to name the image stream`)
  return streamNameOf(parts, given, field)
}

/** Returns the stream that a client names, and the tag if it names one, else null. Throws InvalidInputError. */
export function streamOrTagNamed(
  given: GivenName,
  field = 'name',
): StreamName & { readonly tag: TagName | null } {
  const parts = partsOf(given, field)
  if (parts.digest !== null)
    refuse(given.name, field, 'names an image by its digest: name a tag, such as ruby:3.3')
  const tag = parts.tag === null ? null : checkTagName(parts.tag, given.tag == null ? field : 'tag')
  return { ...streamNameOf(parts, given, field), tag }
}

/** Returns the tag that a client names. Throws InvalidInputError. */
export function tagNamed(given: GivenName, field = 'name'): StreamName & { readonly tag: TagName } {
  const { tag, ...stream } = streamOrTagNamed(given, field)
  if (tag !== null) return { ...stream, tag }
  throw new InvalidInputError(
    'tag',
    `${quoted(given.name)} names no tag: give "tag", or write ${quoted(`${given.name}:latest`)}`,
  )
}

/** Returns the image of a stream that a client names, by its digest or the first characters of it. Throws InvalidInputError. */
export function imageNamed(given: GivenName, field = 'name'): StreamName & { readonly digest: string } {
  const parts = partsOf(given, field)
  const { digest } = parts
  if (parts.tag !== null || digest === null || !/^sha(?:256|512):[0-9a-f]{1,128}$/.test(digest)) {
    throw new InvalidInputError(
      field,
      `${quoted(given.name)} is not a stream with a digest or its prefix: for example ruby@sha256:4f3c`,
    )
  }
  return { ...streamNameOf(parts, given, field), digest }
}

/** Patterns over streams and tags; undefined for any. */
export interface NamePattern {
  readonly namespace: string | undefined
  readonly stream: string | undefined
  readonly tag: string | undefined
}

interface GivenPattern extends Omit<GivenName, 'name'> {
  readonly name?: string | null | undefined
}

/**
 * Returns the patterns over names that a client gives; `*` stands for any characters, and for any namespace as the first
 * component of a pattern with a slash. Throws InvalidInputError.
 */
export function patternNamed({ name, namespace, tag }: GivenPattern, field: string): NamePattern {
  const parts = name == null ? null : partsOf({ name, namespace, tag }, field)
  if (parts?.digest != null)
    refuse(parts.stream, field, `is followed by a digest: a pattern names streams and tags`)
  const inNamespace = parts === null ? (namespace ?? undefined) : parts.namespace
  const isAny = namespace == null && inNamespace === '*'
  if (inNamespace !== undefined && !isAny)
    checkPatternNamespace(inNamespace, namespace == null ? field : 'namespace')
  return {
    namespace: isAny ? undefined : inNamespace,
    stream: checkGlob(parts?.stream, field),
    tag: checkGlob(parts === null ? tag : parts.tag, tag == null ? field : 'tag'),
  }
}

function checkPatternNamespace(namespace: string, field: string): void {
  if (namespace.includes('*')) {
    throw new InvalidInputError(
      field,
      `the namespace ${quoted(namespace)} is no pattern: write it whole, or "*" before the first slash for all namespaces`,
    )
  }
  checkNamespace(namespace, field)
}

/** Patterns over streams of one namespace, and over their tags. */
export interface TagPatterns {
  readonly namespace: string
  readonly streams: string
  readonly tags: string
}

/** Returns the patterns over tags of one namespace that a client gives; `default` is the default namespace. Throws InvalidInputError. */
export function tagPatternsNamed(given: GivenName, field: string): TagPatterns {
  const { namespace, stream = '*', tag = '*' } = patternNamed(given, field)
  if (namespace === undefined && given.name.startsWith('*/')) {
    refuse(given.name, field, 'names all namespaces: write one of them')
  }
  return { namespace: namespace ?? DEFAULT_NAMESPACE, streams: stream, tags: tag }
}

/** Returns a name or pattern without its namespace, which is the given one if the text has one. Throws InvalidInputError. */
export function nameWithin(namespace: string, name: string, field: string): string {
  const { namespace: named } = partsOf({ name }, field)
  if (named === undefined) return name
  if (named !== namespace) {
    const whole = quoted(`${namespace}/${name}`)
    refuse(
      name,
      field,
      `is of the namespace ${quoted(named)}, and must be of ${namespace}: write ${whole} for a stream there`,
    )
  }
  return name.slice(named.length + 1)
}
