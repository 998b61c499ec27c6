import { lookup as lookupName } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { createSecureContext, rootCertificates } from 'node:tls'
import { buildConnector } from 'undici'
import type { AddressGuard } from './address-guard.ts'
import { ForbiddenTargetError } from './errors.ts'
import type { ClientCertificate } from './route.ts'
import { literalOf, type Resolve } from './vetting.ts'

/** Resolves names with the operating system, including `/etc/hosts`. */
export const resolveBySystem: Resolve = (hostname) =>
  new Promise((resolve, reject) => {
    lookupName(hostname, { all: true, verbatim: true }, (error, addresses) =>
      error ? reject(error) : resolve(addresses),
    )
  })

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
          callback(new ForbiddenTargetError(), '')
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
      queueMicrotask(() => callback(new ForbiddenTargetError(), null))
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
