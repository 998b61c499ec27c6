/** Token servers that a registry's credentials may be shown to, beyond its own host: `host[:port]` by dialled host. */
export type TrustedRealms = Readonly<Record<string, readonly string[]>>

// a name's last label but one is this short where strangers register below it: co.uk, com.au
const SHORT_LABEL = 3

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
  if (!isDomainName(registry) || !isDomainName(realm)) return false
  const parent = registry.slice(registry.indexOf('.') + 1)
  if (!isOwned(parent)) return false
  return realm === parent || realm.slice(realm.indexOf('.') + 1) === parent
}

const isDomainName = (host: string): boolean => /\.[a-z][a-z0-9-]*$/.test(host)

const isOwned = (domain: string): boolean => {
  const labels = domain.split('.')
  return labels.length > 2 || (labels.length === 2 && (labels[0]?.length ?? 0) > SHORT_LABEL)
}
