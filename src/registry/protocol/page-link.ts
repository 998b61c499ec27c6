import { OciError } from './errors.ts'

/** Which part of a sorted listing a client asked for. Source: OCI distribution-spec, listing tags. */
export interface PageQuery {
  /** The most entries that the answer has; 0 when none are wanted. */
  readonly limit: number
  /** Entries come after this one, whether or not it is there; the empty text stands before all. */
  readonly last: string
}

/**
 * Reads `?n=&last=`. A count above the maximum, however large, is the maximum, and so is none.
 * Throws OciError for a count that is no natural number.
 */
export function parsePage(query: URLSearchParams, maximum: number): PageQuery {
  const n = query.get('n')
  if (n !== null && !/^[0-9]+$/.test(n)) {
    throw new OciError('PAGINATION_NUMBER_INVALID', '"n" is how many entries a page has: 0, 1, 2 and so on')
  }
  return { limit: n === null ? maximum : Math.min(Number(n), maximum), last: query.get('last') ?? '' }
}

export interface NextPage {
  readonly query: URLSearchParams
  /** The last entry of this page. */
  readonly last: string
  /** What the next page's query says as this one did. */
  readonly keep?: readonly string[]
}

/** The header that leads to the next page of the same path. Source: RFC 8288; OCI distribution-spec, listing tags. */
export function nextPage(path: string, { query, last, keep = ['n'] }: NextPage): { readonly Link: string } {
  const next = new URLSearchParams()
  for (const name of keep) {
    const value = query.get(name)
    if (value !== null) next.set(name, value)
  }
  next.set('last', last)
  return { Link: `<${path}?${next}>; rel="next"` }
}
