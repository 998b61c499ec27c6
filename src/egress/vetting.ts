import type { LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import type { AddressGuard } from './address-guard.ts'
import { ForbiddenTargetError } from './errors.ts'

/** All addresses of a host name. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

const LOCALHOST = /^(?:.+\.)?localhost\.?$/
/** Milliseconds that a name's addresses are waited for where the connection does not need them. */
const PATIENCE = 1_500

/** The address that a host is one of without being looked up; undefined for a name. */
export function literalOf(hostname: string): string | undefined {
  // a resolver need not know what RFC 6761 §6.3 says of it
  if (LOCALHOST.test(hostname)) return '127.0.0.1'
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) === 0 ? undefined : bare
}

/**
 * What can be said here of a host that a proxy connects to: an address is vetted as any other, and so is a name that
 * resolves here. A name that does not is the proxy's to know, as is what it resolves to there. Throws
 * ForbiddenTargetError.
 */
export async function vetForProxy(
  hostname: string,
  { allows, resolve }: { readonly allows: AddressGuard; readonly resolve: Resolve },
): Promise<void> {
  const literal = literalOf(hostname)
  const addresses = literal === undefined ? await resolvedSoon(resolve, hostname) : [literal]
  if (!addresses.every(allows)) throw new ForbiddenTargetError()
}

/** Networks that leave names to their proxy may have a resolver that knows none, or never answers. */
async function resolvedSoon(resolve: Resolve, hostname: string): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<readonly string[]>((settle) => {
    timer = setTimeout(() => settle([]), PATIENCE)
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
