import LinkHeader from 'http-link-header'
import type { ResponseHeaders } from '../../egress/exchange.ts'

/**
 * The `rel="next"` address of a `Link` header, resolved against the page that it came with; undefined when there is
 * none. Throws when the header cannot be read. Source: RFC 8288.
 */
export function nextLink(headers: ResponseHeaders, page: URL): URL | undefined {
  const { link } = headers
  if (link === undefined) return undefined
  const [next] = LinkHeader.parse(Array.isArray(link) ? link.join(', ') : link).rel('next')
  return next && new URL(next.uri, page)
}
