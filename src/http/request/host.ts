import type { IncomingMessage } from 'node:http'
import { isIPv4 } from 'node:net'

/**
 * Names under which this server may be addressed, beside `localhost` and IP addresses. A page can point a name of its own at this
 * server (DNS rebinding) and then has its origin: it needs a name that its author controls. Nothing else in such a request distinguishes it
 * from one of a program, because browsers send `Sec-Fetch-Site` over TLS and to loopback alone, and no `Origin` with a GET of the
 * same origin.
 */
export interface HostPolicy {
  /** Names in lower case, without port; `*.example.org` are all names below that one. */
  readonly allowedHosts: readonly string[]
  /**
   * Whether names are allowed that only the local network resolves: such as `registry` and `registry.local`. A server that only this
   * machine can reach should not allow them: others in the network can point them at it.
   */
  readonly localNames: boolean
}

/** Message for a request with several `Host` headers. */
export const SEVERAL_HOSTS = 'the request has several Host headers: send one'
/** Message for a `Host` header that does not name this server. */
export const NOT_OUR_HOST =
  'the Host header does not name this server: address it by IP address, name it in --public-url (IMAGESTREAMS_PUBLIC_URL), or add it to --allowed-hosts (IMAGESTREAMS_ALLOWED_HOSTS)'

/** Reports whether there are several `Host` headers: Node.js uses the first, and a proxy may have checked another. */
export function hasSeveralHosts({ rawHeaders }: IncomingMessage): boolean {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') count++
  }
  return count > 1
}

/** Reports whether the `Host` header names this server. Without one, as HTTP/1.0 allows, no browser has sent the request. */
export function isOurHost({ headers }: IncomingMessage, { allowedHosts, localNames }: HostPolicy): boolean {
  if (headers.host === undefined) return true
  const name = nameOf(headers.host)
  if (name === undefined) return false
  if (name === 'localhost' || name.startsWith('[') || isIPv4(name)) return true
  return (localNames && LOCAL_NAME.test(name)) || allowedHosts.some((allowed) => isNamedBy(name, allowed))
}

/** A name without a dot, or below a domain that cannot be registered. Sources: RFC 6761, RFC 6762, RFC 8375, ICANN (`internal`). */
const LOCAL_NAME = /^[^.]+$|\.(?:local|localhost|internal|test|home\.arpa)$/

/** `name[:port]` or `address[:port]`: no user information, no path. */
const HOST = /^(?:[\w-]+(?:\.[\w-]+)*\.?|\[[\da-f:.]+\])(?::\d+)?$/i

/** Returns the name or address in lower case and in its usual spelling; undefined for an invalid one. */
function nameOf(host: string): string | undefined {
  const url = `http://${host}`
  return HOST.test(host) && URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') : undefined
}

/** Reports whether a page of the origin has the address in `Host`: both without a port have the default port of the origin's scheme. */
export function isAddressOf(origin: string, host: string | undefined): boolean {
  if (host === undefined || !HOST.test(host) || !URL.canParse(origin)) return false
  const page = new URL(origin)
  const address = `${page.protocol}//${host}`
  return URL.canParse(address) && new URL(address).host === page.host
}

const isNamedBy = (name: string, allowed: string): boolean =>
  allowed.startsWith('*.') ? name.endsWith(allowed.slice(1)) : name === allowed
