import { type Digest, isDigest } from './digest.ts'
import { isTagName, TAG_GRAMMAR, type TagName } from './tag.ts'

/** A parsed image reference, defaults filled in. */
export interface Reference {
  /** `docker.io`, `quay.io`, `localhost:5000`, `[::1]:5000`: as people write it, not the host that is dialled. */
  readonly registry: string
  readonly repository: string
  /** Null only where a digest alone was given. A tag beside a digest is kept but not used for fetching. */
  readonly tag: TagName | null
  readonly digest: Digest | null
}

/** A reference that breaks the grammar; the message names the part and what is allowed there. */
export class InvalidReferenceError extends Error {
  override readonly name = 'InvalidReferenceError'
  readonly code = 'INVALID'
  readonly reference: string

  constructor(reference: string, why: string) {
    super(
      `"${reference.length > 300 ? `${reference.slice(0, 300)}…` : reference}" is not an image reference: ${why}`,
    )
    this.reference = reference
  }
}

const DOCKER_HUB = 'docker.io'
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`)
const MAX_REPOSITORY_LENGTH = 255
const HOST_LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
const REGISTRY = new RegExp(`^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?$`)

export const isRepositoryName = (text: string): boolean =>
  text.length <= MAX_REPOSITORY_LENGTH && REPOSITORY.test(text)

/** Whether the text is a host name or an address, with an optional port. */
export const isRegistryName = (text: string): boolean => REGISTRY.test(text) && portOf(text) <= 65535

// Only these mark a first part as a registry: `foo/bar` is a repository of Docker Hub, `foo.io/bar` one of foo.io.
const looksLikeRegistry = (part: string): boolean =>
  part.includes('.') || part.includes(':') || part === 'localhost'

const splitRegistry = (name: string): [registry: string, repository: string] => {
  const slash = name.indexOf('/')
  const first = name.slice(0, slash)
  if (slash < 0 || !looksLikeRegistry(first)) return [DOCKER_HUB, name]
  return [
    first === 'index.docker.io' || first === 'registry-1.docker.io' ? DOCKER_HUB : first,
    name.slice(slash + 1),
  ]
}

/**
 * Parses `[registry[:port]/]repository[:tag][@digest]` and fills in the defaults: registry `docker.io`, namespace
 * `library` there, tag `latest` unless a digest is given.
 * Throws InvalidReferenceError. Source: distribution/reference grammar.
 */
export function parseReference(text: string): Reference {
  const refuse = (why: string): never => {
    throw new InvalidReferenceError(text, why)
  }
  if (text === '') refuse('it is empty')
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) refuse('write it without a scheme, as registry/repository:tag')

  const at = text.indexOf('@')
  const digest = at < 0 ? null : text.slice(at + 1)
  if (digest !== null && !isDigest(digest)) {
    return refuse('after "@" stands a digest, sha256: and 64 or sha512: and 128 lowercase hexadecimal digits')
  }
  const named = at < 0 ? text : text.slice(0, at)
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1)
  const tag = colon < 0 ? null : named.slice(colon + 1)
  if (tag !== null && !isTagName(tag)) return refuse(`the tag must match ${TAG_GRAMMAR}`)

  const [registry, path] = splitRegistry(colon < 0 ? named : named.slice(0, colon))
  if (!isRegistryName(registry)) {
    refuse(`"${registry}" is not a registry's host name or address with an optional port`)
  }
  const repository = registry === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path
  if (repository.length > MAX_REPOSITORY_LENGTH) {
    refuse(`a repository's name has at most ${MAX_REPOSITORY_LENGTH} characters`)
  }
  if (!REPOSITORY.test(repository) || path === '') {
    refuse('a repository is lowercase letters and digits separated by ".", "_", "__", dashes or "/"')
  }
  return { registry, repository, tag: tag ?? (digest ? null : ('latest' as TagName)), digest }
}

const portOf = (registry: string): number => Number(/:(\d+)$/.exec(registry)?.[1] ?? 0)

/** `registry/repository`, all defaults written out. */
export const formatRepository = ({
  registry,
  repository,
}: Pick<Reference, 'registry' | 'repository'>): string => `${registry}/${repository}`

/** The whole reference with its defaults; parsing it gives the same reference again. */
export const formatReference = (reference: Reference): string =>
  formatRepository(reference) +
  (reference.tag === null ? '' : `:${reference.tag}`) +
  (reference.digest === null ? '' : `@${reference.digest}`)

/** A pull spec that can only ever mean one image. */
export const pullSpecByDigest = (
  repository: Pick<Reference, 'registry' | 'repository'>,
  digest: Digest,
): string => `${formatRepository(repository)}@${digest}`
