import { nextLink } from '../../remote/content/link.ts'
import type { ApiResponse } from '../../remote/session/vendor-api.ts'
import { OddShapeError } from './errors.ts'

/**
 * The path and query of the next page by the answer's `Link`; undefined when there is none. Its host is not believed: a
 * registry behind a proxy may call itself anything. Nor is a path other than the one that was asked for. Throws
 * OddShapeError. Source: RFC 8288.
 */
export function nextPageOf({ headers }: ApiResponse, path: string): string | undefined {
  const page = new URL(path, 'http://registry.invalid')
  let next: URL | undefined
  try {
    next = nextLink(headers, page)
  } catch {
    throw new OddShapeError('its Link to the next page cannot be read')
  }
  return next && `${page.pathname}${next.search}`
}
