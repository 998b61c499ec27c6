import type { IncomingMessage } from 'node:http'

/** Which pages of other sites, and which names of this server, are taken. */
export interface OriginPolicy {
  /** Origins (`https://console.example.org`) whose pages may use the API. */
  readonly allowedOrigins: readonly string[]
  /**
   * Names in `Host` (without port) that are ours; undefined takes all. A server on loopback should name loopback's: a
   * page can have its own name point there (DNS rebinding), and is then of the same origin.
   */
  readonly allowedHosts?: readonly string[] | undefined
}

/** Loopback's names. */
export const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/** Whether the request names a host that is ours. */
export function isOurHost({ headers }: IncomingMessage, { allowedHosts }: OriginPolicy): boolean {
  if (!allowedHosts) return true
  const url = `http://${headers.host ?? ''}`
  return URL.canParse(url) && allowedHosts.includes(new URL(url).hostname)
}

/** Whether a page of this origin may connect: our own, an allowed one, or no page at all. */
export function mayConnect({ headers }: IncomingMessage, { allowedOrigins }: OriginPolicy): boolean {
  const { origin, host } = headers
  if (origin === undefined || allowedOrigins.includes(origin)) return true
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()
}
