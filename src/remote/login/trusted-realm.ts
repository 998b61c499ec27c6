import { getDomain } from 'tldts'

/** Token servers that a registry's credentials may be shown to, beyond its own host: `host[:port]` by dialled host. */
export type TrustedRealms = Readonly<Record<string, readonly string[]>>

/**
 * Whether a credential for the registry may be sent to a token server that it names. A registry that was taken over, or
 * an answer that was tampered with, can name any server: one on the registry's own host (its own port or 443), at a
 * parent domain or a sibling of its own is believed (`registry-1.docker.io` and `auth.docker.io`), any other only when it
 * is listed.
 */
export function isTrustedRealm(registry: URL, realm: URL, listed: TrustedRealms = {}): boolean {
  if (registry.protocol === 'https:' && realm.protocol !== 'https:') return false
  if (realm.host === registry.host) return true
  if (Object.hasOwn(listed, registry.host) && listed[registry.host]?.includes(realm.host)) return true
  if (realm.protocol !== 'https:' || realm.port !== '') return false
  return realm.hostname === registry.hostname || isSameOwner(registry.hostname, realm.hostname)
}

function isSameOwner(registry: string, realm: string): boolean {
  const domain = domainOf(registry)
  if (domain === null || domainOf(realm) !== domain) return false
  const parent = registry.slice(registry.indexOf('.') + 1)
  return realm === parent || realm.slice(realm.indexOf('.') + 1) === parent
}

/** What somebody registered, by the public suffix list: strangers share `co.uk`, and `azurewebsites.net` too. */
const domainOf = (host: string): string | null => getDomain(host, { allowPrivateDomains: true })
