import { OciError } from '../../oci/oci-error.ts'

/** The page of a sorted list that a client requests. Source: OCI distribution-spec, listing tags. */
export interface PageQuery {
  /** Maximum number of entries; can be 0. */
  readonly limit: number
  /** Entries come after this one, whether or not it exists; empty for the start of the list. */
  readonly last: string
}

/** Parses `?n=&last=`. `n` defaults to the maximum and is capped at it. Throws OciError unless `n` is a natural number. */
export function parsePage(query: URLSearchParams, maximum: number): PageQuery {
  const n = query.get('n')
  if (n !== null && !/^[0-9]+$/.test(n)) {
    throw new OciError('PAGINATION_NUMBER_INVALID', '"n" must be a whole number of entries, 0 or more')
  }
  return { limit: n === null ? maximum : Math.min(Number(n), maximum), last: query.get('last') ?? '' }
}

/** The page after this one. */
export interface NextPage {
  readonly query: URLSearchParams
  /** Last entry of this page. */
  readonly last: string
  /** Parameters that the next page's query repeats. */
  readonly keep?: readonly string[]
}

/** Returns the header with the link to the next page. Source: RFC 8288; OCI distribution-spec, listing tags. */
export function nextPage(path: string, { query, last, keep = ['n'] }: NextPage): { readonly Link: string } {
  const next = new URLSearchParams()
  for (const name of keep) {
    const value = query.get(name)
    if (value !== null) next.set(name, value)
  }
  next.set('last', last)
  return { Link: `<${path}?${next}>; rel="next"` }
}
