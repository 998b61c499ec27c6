import type { IncomingMessage } from 'node:http'
import { isIP, type Socket } from 'node:net'

/** Reports whether an address is that of a reverse proxy, which names the address of its client in `X-Forwarded-For` or `Forwarded`. */
export type IsProxy = (address: string) => boolean

/**
 * Returns the address of the client; null when its connection is closed. Behind proxies it is the last address in their header
 * that is none of a proxy: the client itself can have written those before it.
 */
export function clientAddress(
  { socket, headers }: Pick<IncomingMessage, 'headers'> & { readonly socket: Pick<Socket, 'remoteAddress'> },
  isProxy: IsProxy,
): string | null {
  const forwarded = hopsIn(headers)
  let address = socket.remoteAddress ?? null
  while (address !== null && isProxy(address)) {
    const next = withoutPort(forwarded.pop()?.trim() ?? '')
    if (isIP(next) === 0) break
    address = next
  }
  return address
}

/**
 * Returns the hops that the headers name, the client first. A proxy writes one of the two headers and may pass on the other as its
 * client sent it: none where they differ. Source: RFC 7239 §4.
 */
function hopsIn({ forwarded, ...headers }: IncomingMessage['headers']): string[] {
  const hops = [headers['x-forwarded-for'] ?? []].flat().flatMap((value) => value.split(','))
  if (forwarded === undefined) return hops
  const named = forwarded.split(',').map((element) => FOR.exec(element)?.[1]?.replaceAll('"', '') ?? '')
  const isSame = named.join() === hops.map((hop) => hop.trim()).join()
  return hops.length === 0 || isSame ? named : []
}

const FOR = /(?:^|;)\s*for\s*=\s*("[^"]*"|[^\s;]*)/i

/** Some proxies add the port: `192.0.2.7:4000`, `[2001:db8::1]:4000`. */
const withoutPort = (text: string): string =>
  text.replace(/^(\d+(?:\.\d+){3}):\d+$/, '$1').replace(/^\[([^\]]*)\](?::\d+)?$/, '$1')
