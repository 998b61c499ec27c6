import { type Config, isLoopback } from './config.ts'
import type { SharedParts } from './parts.ts'

/** Reports whether no other machine is expected to reach the server, except through a proxy on this one. */
export const isForThisMachineAlone = ({ host, openToEverybody }: Config): boolean =>
  isLoopback(host) && !openToEverybody

/** Returns the origin under which clients reach the server: by `--public-url`, or else at the address where it listens. */
export const ownOrigin = ({ config, ownHost }: Pick<SharedParts, 'config' | 'ownHost'>): string =>
  config.publicUrl?.origin ?? `http://${ownHost()}`

/** Reports whether a URL leads to this server, as far as its settings tell. */
export function isOwnUrl({ config, ownHost }: Pick<SharedParts, 'config' | 'ownHost'>, url: URL): boolean {
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (url.origin === ownOrigin({ config, ownHost })) return true
  const { port: ownPort } = new URL(`http://${ownHost()}`)
  return (url.port || '80') === (ownPort || '80') && (isLoopback(name) || ownNames(config).includes(name))
}

/** Returns the names under which the settings say that the server may be addressed, in lower case and without port. */
export function ownNames({
  allowedHosts,
  host,
  publicUrl,
  registryHost,
  allowedOrigins,
}: Config): readonly string[] {
  const named = [
    ...(publicUrl ? [publicUrl.hostname] : []),
    ...(registryHost === null ? [] : [new URL(`http://${registryHost}`).hostname]),
    ...allowedOrigins.map((origin) => new URL(origin).hostname),
  ]
  return [...allowedHosts, host.toLowerCase(), ...named]
}
