import LinkHeader from 'http-link-header'
import type { ResponseHeaders } from '../../egress/exchange.ts'

/**
 * Returns the `rel="next"` URL of a `Link` header, resolved against its page; undefined for none. Throws for a malformed
 * header. Source: RFC 8288.
 */
export function nextLink(headers: ResponseHeaders, page: URL): URL | undefined {
  const { link } = headers
  if (link === undefined) return undefined
  const [next] = LinkHeader.parse(Array.isArray(link) ? link.join(', ') : link).rel('next')
  return next && new URL(next.uri, page)
}
