import { type Digest, isDigest } from './digest.ts'
import { isTagName, TAG_GRAMMAR, type TagName } from './tag.ts'

/** A parsed image reference with its defaults. */
export interface Reference {
  /** `docker.io`, `quay.io`, `localhost:5000`, `[::1]:5000`: as users write it, not the host that is connected to. */
  readonly registry: string
  readonly repository: string
  /** Null only for a digest without a tag. A tag together with a digest is not used for fetching. */
  readonly tag: TagName | null
  readonly digest: Digest | null
}

/** The text is not a reference; the message says which part is wrong and what is allowed. */
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
const ONE_COMPONENT = new RegExp(`^${COMPONENT}$`)
/** Maximum number of characters of a repository's path. Source: distribution/reference. */
export const MAX_REPOSITORY_LENGTH = 255
const HOST_LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
const REGISTRY = new RegExp(`^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?$`)

/** Reports whether the text is a repository's path. */
export const isRepositoryName = (text: string): boolean =>
  text.length <= MAX_REPOSITORY_LENGTH && REPOSITORY.test(text)

/** Reports whether the text is one component of a repository's path, of any length. */
export const isNameComponent = (text: string): boolean => ONE_COMPONENT.test(text)

/** Reports whether the text is a host name or an address, with an optional port. */
export const isRegistryName = (text: string): boolean => REGISTRY.test(text) && portOf(text) <= 65535

// Identifies a first part as a registry: `foo/bar` is a repository of Docker Hub, `foo.io/bar` one of foo.io.
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
    return refuse(
      '"@" must be followed by a digest: sha256: and 64, or sha512: and 128, lowercase hexadecimal digits',
    )
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

/** Returns `registry/repository` with all defaults. */
export const formatRepository = ({
  registry,
  repository,
}: Pick<Reference, 'registry' | 'repository'>): string => `${registry}/${repository}`

/** Returns the whole reference with its defaults; parsing it returns an equal reference. */
export const formatReference = (reference: Reference): string =>
  formatRepository(reference) +
  (reference.tag === null ? '' : `:${reference.tag}`) +
  (reference.digest === null ? '' : `@${reference.digest}`)

/** Returns a pull spec by digest. */
export const pullSpecByDigest = (
  repository: Pick<Reference, 'registry' | 'repository'>,
  digest: Digest,
): string => `${formatRepository(repository)}@${digest}`
