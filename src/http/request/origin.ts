import type { IncomingMessage } from 'node:http'

/** Pages of other sites that may use the API, and host names under which this server may be addressed. */
export interface OriginPolicy {
  /** Origins (`https://console.example.org`) whose pages may use the API. */
  readonly allowedOrigins: readonly string[]
  /**
   * Allowed names in `Host`, without port; undefined allows all. A server on loopback should allow only the names of
   * loopback: a page can point its own name there (DNS rebinding), and then has the same origin.
   */
  readonly allowedHosts?: readonly string[] | undefined
}

/** Names of the loopback interface. */
export const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/** Reports whether the `Host` header names this server. */
export function isOurHost({ headers }: IncomingMessage, { allowedHosts }: OriginPolicy): boolean {
  if (!allowedHosts) return true
  const url = `http://${headers.host ?? ''}`
  return URL.canParse(url) && allowedHosts.includes(new URL(url).hostname)
}

/** Reports whether the request comes from no page, from a page of this server, or from one of an allowed origin. */
export function mayConnect({ headers }: IncomingMessage, { allowedOrigins }: OriginPolicy): boolean {
  const { origin, host } = headers
  if (origin === undefined || allowedOrigins.includes(origin)) return true
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()
}
