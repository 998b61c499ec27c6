import { invalid } from '../input/errors.ts'
import { isRegistryPrefix, type RegistryPrefix, splitPrefix } from '../logins/registry-login.ts'
import { isRegistryName } from '../oci/reference.ts'

const PORT = /:(\d+)$/
/** An IPv4-mapped IPv6 address, as a URL prints it. Source: RFC 4291 §2.5.5.2. */
const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]/

/**
 * Returns the canonical name of a registry: in lower case, an address in its usual form, without port 443, and
 * `docker.io` for Docker Hub. Thus `QUAY.IO:443` cannot bypass a rule for `quay.io`, nor `127.1` or
 * `[::ffff:127.0.0.1]` one for `127.0.0.1`.
 */
export function canonicalRegistry(registry: string): string {
  const url = `https://${registry}`
  const host = isRegistryName(registry) && URL.canParse(url) ? new URL(url).host : registry
  return splitPrefix(host.replace(MAPPED, (_, high, low) => dotted(high, low))).registry
}

const dotted = (...groups: readonly string[]): string =>
  groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]).join('.')

/** Returns the canonical name of the host without its port. */
export const withoutPort = (registry: string): string => canonicalRegistry(registry.replace(PORT, ''))

/** Parses `quay.io`, `quay.io/team` or `localhost:5000`. Throws InvalidInputError. */
export function parsePrefix(text: string, field: string): RegistryPrefix {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
  const { registry, path } = splitPrefix(text)
  if (!hasScheme && isRegistryPrefix({ registry, path }))
    return { registry: canonicalRegistry(registry), path }
  throw invalid(
    field,
    'must be a registry, or a registry and a path, without a scheme: quay.io, localhost:5000, quay.io/team or docker.io/library',
  )
}

/** Returns the repository with its leading path `from` replaced by `to`; `from` contains the repository. */
export const moved = (repository: string, from: string, to: string): string =>
  [to, repository.slice(from.length).replace(/^\//, '')].filter((part) => part !== '').join('/')
