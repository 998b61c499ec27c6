import { type Config, isLoopback } from './config.ts'

/** Reports whether no other machine is expected to reach the server, except through a proxy on this one. */
export const isForThisMachineAlone = ({ host, openToEverybody }: Config): boolean =>
  isLoopback(host) && !openToEverybody

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
