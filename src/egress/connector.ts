import type { LookupAddress } from 'node:dns'
import { lookup as lookupName } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext, rootCertificates } from 'node:tls'
import { buildConnector } from 'undici'
import type { AddressGuard } from './address-guard.ts'
import { ForbiddenTargetError } from './errors.ts'
import type { ClientCertificate } from './route.ts'

/** Resolves a host name to all its addresses. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

/** Resolves names with the operating system, including `/etc/hosts`. */
export const resolveBySystem: Resolve = (hostname) => lookupName(hostname, { all: true, verbatim: true })

const LOCALHOST = /^(?:.+\.)?localhost\.?$/
/** Milliseconds to wait for a name's addresses when the connection does not need them. */
const RESOLVE_TIMEOUT = 1_500

export interface ConnectorOptions {
  readonly allows: AddressGuard
  readonly resolve: Resolve
  /** Milliseconds for name, TCP and TLS together. */
  readonly timeout: number
  /** PEM certificates trusted in addition to the roots of Node.js. */
  readonly ca: readonly string[]
  /** Certificate for servers that request one; null for none. */
  readonly client: ClientCertificate | null
  /** False accepts any certificate. */
  readonly verify: boolean
}

/**
 * Creates a connector for undici that connects to allowed addresses only. A name with one forbidden address is refused.
 * The socket connects to the addresses that were checked, so a later response of the name server has no effect; SNI,
 * certificate verification and Host use the name.
 */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  const { allows, resolve, timeout, verify } = options
  const lookup: LookupFunction = (hostname, { all }, callback) => {
    resolve(hostname).then(
      (addresses) => {
        const [first] = addresses
        if (!first || !addresses.every(({ address }) => allows(address))) {
          callback(new ForbiddenTargetError('address'), '')
        } else if (all) {
          callback(null, [...addresses])
        } else {
          callback(null, first.address, first.family)
        }
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    )
  }
  const connect = buildConnector({
    timeout,
    lookup,
    autoSelectFamily: true,
    // the default of 250 ms abandons distant hosts whose first address works
    autoSelectFamilyAttemptTimeout: 1000,
    rejectUnauthorized: verify,
    ...secureContextOf(options),
  } as buildConnector.BuildOptions)

  return (target, callback) => {
    // undici does not call `lookup` for an address
    const literal = literalOf(target.hostname)
    if (literal !== undefined && !allows(literal)) {
      queueMicrotask(() => callback(new ForbiddenTargetError('address'), null))
      return
    }
    connect(target, callback)
  }
}

// created once: parsing some 150 roots for each socket takes longer than the handshake
function secureContextOf({ ca, client }: Pick<ConnectorOptions, 'ca' | 'client'>) {
  if (ca.length === 0 && !client) return {}
  const own = client && { cert: client.certificate, key: client.key }
  return { secureContext: createSecureContext({ ca: [...rootCertificates, ...ca], ...own }) }
}

/** Returns a host name without the brackets of an IPv6 address in a URL. */
export const unbracketed = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1')

/** Returns the address that a host is without DNS; undefined for a name. */
function literalOf(hostname: string): string | undefined {
  // resolvers need not implement RFC 6761 §6.3
  if (LOCALHOST.test(hostname)) return '127.0.0.1'
  const bare = unbracketed(hostname)
  return isIP(bare) === 0 ? undefined : bare
}

/**
 * Checks a host to which a proxy connects: an address, and a name that resolves here, are checked as usual. A name that
 * does not resolve here is allowed, since only the proxy can resolve it. Throws ForbiddenTargetError.
 */
export async function vetForProxy(
  hostname: string,
  { allows, resolve }: Pick<ConnectorOptions, 'allows' | 'resolve'>,
): Promise<void> {
  const literal = literalOf(hostname)
  const addresses = literal === undefined ? await resolvedSoon(resolve, hostname) : [literal]
  if (!addresses.every(allows)) throw new ForbiddenTargetError('address')
}

/** In networks where only the proxy resolves names, the local resolver may know none or not respond. */
const resolvedSoon = (resolve: Resolve, hostname: string): Promise<readonly string[]> =>
  Promise.race([
    resolve(hostname).then(
      (addresses) => addresses.map(({ address }) => address),
      () => [],
    ),
    sleep(RESOLVE_TIMEOUT, [], { ref: false }),
  ])
