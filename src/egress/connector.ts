import { lookup as lookupName } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { createSecureContext, rootCertificates } from 'node:tls'
import { buildConnector } from 'undici'
import type { AddressGuard } from './address-guard.ts'
import { ForbiddenTargetError } from './errors.ts'
import type { ClientCertificate } from './route.ts'
import { literalOf, type Resolve } from './vetting.ts'

/** Resolves as the operating system does, `/etc/hosts` included. */
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
  /** PEM certificates trusted beside the roots that come with Node.js. */
  readonly ca: readonly string[]
  /** What a server that asks is shown; null for nothing. */
  readonly client: ClientCertificate | null
  /** False accepts any certificate. */
  readonly verify: boolean
}

/**
 * Opens sockets for undici to vetted addresses only. One forbidden address among a name's answers refuses them all, and
 * the socket goes to the very addresses that were vetted, so a second answer of the name server changes nothing; SNI,
 * the certificate check and Host keep the name.
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
    // Node's 250 ms gives up on distant hosts whose first address is fine
    autoSelectFamilyAttemptTimeout: 1000,
    rejectUnauthorized: verify,
    ...secureContextOf(options),
  } as buildConnector.BuildOptions)

  return (target, callback) => {
    // an address is never looked up, so that `lookup` does not see it
    const literal = literalOf(target.hostname)
    if (literal !== undefined && !allows(literal)) {
      queueMicrotask(() => callback(new ForbiddenTargetError(), null))
      return
    }
    connect(target, callback)
  }
}

// made once: reading some 150 roots again for each socket takes longer than the handshake
function secureContextOf({ ca, client }: Pick<ConnectorOptions, 'ca' | 'client'>) {
  if (ca.length === 0 && !client) return {}
  const shown = client && { cert: client.certificate, key: client.key }
  return { secureContext: createSecureContext({ ca: [...rootCertificates, ...ca], ...shown }) }
}
