import { getDomain } from 'tldts'

/** Further token servers (`host[:port]`) that may receive a registry's credentials, by the registry's API host. */
export type TrustedRealms = Readonly<Record<string, readonly string[]>>

/**
 * Reports whether a credential for the registry may be sent to a token server that the registry names: a compromised
 * registry, or a modified response, can name any server. Trusted are the registry's own host (on its port or 443), its
 * parent domain and the siblings below that (`registry-1.docker.io` and `auth.docker.io`), and the listed ones.
 */
export function isTrustedRealm(registry: URL, realm: URL, listed: TrustedRealms = {}): boolean {
  if (registry.protocol === 'https:' && realm.protocol !== 'https:') return false
  if (realm.host === registry.host) return true
  if (Object.hasOwn(listed, registry.host) && listed[registry.host]?.includes(realm.host)) return true
  if (realm.protocol !== 'https:' || realm.port !== '') return false
  return realm.hostname === registry.hostname || isSameOwner(registry.hostname, realm.hostname)
}

function isSameOwner(registry: string, realm: string): boolean {
  const domain = registrableDomain(registry)
  if (domain === null || registrableDomain(realm) !== domain) return false
  const parent = registry.slice(registry.indexOf('.') + 1)
  return realm === parent || realm.slice(realm.indexOf('.') + 1) === parent
}

/** Returns the registered domain by the public suffix list: hosts below `co.uk` or `azurewebsites.net` have many owners. */
const registrableDomain = (host: string): string | null => getDomain(host, { allowPrivateDomains: true })
