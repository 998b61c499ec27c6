import { nextLink } from '../../remote/content/listing-pages.ts'
import type { ApiResponse } from '../../remote/session/vendor-api.ts'
import { OddShapeError } from './errors.ts'

/**
 * Returns the path and query of the next page from the `Link` header of a response; undefined when there is none. Uses
 * only the query of the link, not its host and path: a registry behind a proxy may name itself by any. Throws
 * OddShapeError. Source: RFC 8288.
 */
export function nextPageOf({ headers }: ApiResponse, path: string): string | undefined {
  const page = new URL(path, 'http://registry.invalid')
  let next: URL | undefined
  try {
    next = nextLink(headers, page)
  } catch {
    throw new OddShapeError('its Link to the next page cannot be parsed')
  }
  return next && `${page.pathname}${next.search}`
}
