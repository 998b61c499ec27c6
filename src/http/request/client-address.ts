import type { IncomingMessage } from 'node:http'
import { isIP, type Socket } from 'node:net'

/** Reports whether an address is that of a reverse proxy, which names the address of its client in `X-Forwarded-For`. */
export type IsProxy = (address: string) => boolean

/**
 * Returns the address of the client; null when its connection is closed. Behind proxies it is the last address in
 * `X-Forwarded-For` that is none of a proxy: the client itself can have written those before it.
 */
export function clientAddress(
  { socket, headers }: Pick<IncomingMessage, 'headers'> & { readonly socket: Pick<Socket, 'remoteAddress'> },
  isProxy: IsProxy,
): string | null {
  const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
  let address = socket.remoteAddress ?? null
  while (address !== null && isProxy(address)) {
    const next = withoutPort(forwarded.pop()?.trim() ?? '')
    if (isIP(next) === 0) break
    address = next
  }
  return address
}

/** Some proxies add the port: `192.0.2.7:4000`, `[2001:db8::1]:4000`. */
const withoutPort = (text: string): string =>
  text.replace(/^(\d+(?:\.\d+){3}):\d+$/, '$1').replace(/^\[([^\]]*)\](?::\d+)?$/, '$1')
