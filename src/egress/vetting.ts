import type { LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import type { AddressGuard } from './address-guard.ts'
import { ForbiddenTargetError } from './errors.ts'

/** Resolves a host name to all its addresses. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

const LOCALHOST = /^(?:.+\.)?localhost\.?$/
/** Milliseconds to wait for a name's addresses when the connection does not need them. */
const RESOLVE_TIMEOUT = 1_500

/** Returns the address that a host is without DNS; undefined for a name. */
export function literalOf(hostname: string): string | undefined {
  // resolvers need not implement RFC 6761 §6.3
  if (LOCALHOST.test(hostname)) return '127.0.0.1'
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) === 0 ? undefined : bare
}

/**
 * Checks a host to which a proxy connects: an address, and a name that resolves here, are checked as usual. A name that
 * does not resolve here is allowed, since only the proxy can resolve it. Throws ForbiddenTargetError.
 */
export async function vetForProxy(
  hostname: string,
  { allows, resolve }: { readonly allows: AddressGuard; readonly resolve: Resolve },
): Promise<void> {
  const literal = literalOf(hostname)
  const addresses = literal === undefined ? await resolvedSoon(resolve, hostname) : [literal]
  if (!addresses.every(allows)) throw new ForbiddenTargetError()
}

/** In networks where only the proxy resolves names, the local resolver may know none or not respond. */
async function resolvedSoon(resolve: Resolve, hostname: string): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<readonly string[]>((settle) => {
    timer = setTimeout(() => settle([]), RESOLVE_TIMEOUT)
  })
  const found = resolve(hostname).then(
    (addresses) => addresses.map(({ address }) => address),
    () => [],
  )
  try {
    return await Promise.race([found, late])
  } finally {
    clearTimeout(timer)
  }
}
