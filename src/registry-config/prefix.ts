import { InvalidInputError } from '../input/errors.ts'
import { isRegistryPrefix, type RegistryPrefix, splitPrefix } from '../logins/registry-login.ts'
import { isRegistryName } from '../oci/reference.ts'

const PORT = /:(\d+)$/
/** As a URL writes an IPv4 address that is spelled as one of IPv6. Source: RFC 4291 §2.5.5.2. */
const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]/

/**
 * The one name of a registry that has several, as it is dialled: in lower case, an address in its usual form, without the
 * port that is meant anyway; and Docker Hub `docker.io`. A rule for `quay.io` is not to be got round with `QUAY.IO:443`,
 * nor one for `127.0.0.1` with `127.1` or `[::ffff:127.0.0.1]`.
 */
export function canonicalRegistry(registry: string): string {
  const url = `https://${registry}`
  const host = isRegistryName(registry) && URL.canParse(url) ? new URL(url).host : registry
  return splitPrefix(host.replace(MAPPED, (_, high, low) => dotted(high, low))).registry
}

const dotted = (...groups: readonly string[]): string =>
  groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]).join('.')

/** The same host, whichever of its ports; the registry itself where it names none. */
export const withoutPort = (registry: string): string => canonicalRegistry(registry.replace(PORT, ''))

/** Reads `quay.io`, `quay.io/team` or `localhost:5000`. Throws InvalidInputError. */
export function parsePrefix(text: string, field: string): RegistryPrefix {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
  const { registry, path } = splitPrefix(text)
  if (!scheme && isRegistryPrefix({ registry, path })) return { registry: canonicalRegistry(registry), path }
  throw new InvalidInputError(
    field,
    `${field} must be a registry, or a registry and a path, without a scheme: quay.io, localhost:5000, quay.io/team or docker.io/library`,
  )
}

/** What is left of the repository's name below the path; the path is its own or one above it. */
export const below = (path: string, repository: string): string =>
  repository.slice(path.length).replace(/^\//, '')

/** The repository that stands in the place of one below the path. */
export const moved = (repository: string, from: string, to: string): string =>
  [to, below(from, repository)].filter((part) => part !== '').join('/')
