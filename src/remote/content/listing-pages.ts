import LinkHeader from 'http-link-header'
import type { EgressResponse, ResponseHeaders } from '../../egress/exchange.ts'
import { isObject, MAX_DEPTH, parseJson } from '../../oci/json.ts'
import type { RegistryError } from '../../oci/registry-error.ts'
import { unreadableError } from '../login/registry-errors.ts'
import type { RequestTopic } from '../session/registry-request.ts'
import type { Session } from '../session/session.ts'

/** Path and names of a list. */
export interface ListAddress {
  /** `tags`, `repositories`: the list's field in the response, and its name in messages. */
  readonly field: string
  readonly path: string
  /** The content that a 404 reports as missing. */
  readonly absent: string
  /** The list in messages; `the list of <field>` by default. */
  readonly what?: string
  /** Requested media type; JSON by default. */
  readonly accept?: string
}

const MAX_ERROR_BODY = 64 * 1024

interface ListPage {
  readonly entries: readonly unknown[]
  readonly pageSize: number
  readonly query: string
  /** Whether an earlier page had a Link. */
  readonly linked: boolean
}

interface NextPage {
  /** Undefined at the end of the list. */
  readonly query: string | undefined
  readonly linked: boolean
  /** Whether the page may not exist: nothing but the size of the last one suggests it. */
  readonly isGuess: boolean
}

/** Requests and parses the pages of one list. */
export class ListingPages {
  readonly #session: Session
  readonly #path: string
  readonly #field: string
  readonly #topic: RequestTopic
  readonly #accept: string

  constructor(session: Session, { field, path, absent, what, accept }: ListAddress) {
    this.#session = session
    this.#path = path
    this.#field = field
    this.#topic = { what: what ?? `the list of ${field}`, absent, unreadable: 'RegistryUnavailable' }
    this.#accept = accept ?? 'application/json'
  }

  request(query: string, maxBytes: number): Promise<EgressResponse> {
    const headers = { accept: this.#accept }
    const path = this.#pathOf(query)
    return this.#session.request({ ...this.#topic, method: 'GET', path, headers, maxBytes })
  }

  /** Returns the error for a list that exceeds a limit: `more than 100 pages`. */
  tooLong(size: string): RegistryError {
    return this.#unreadable(`it takes ${size}`)
  }

  /** Returns the page's entries, unchecked; none for null, which docker-registry sends for an empty list. */
  async entriesOf(response: EgressResponse): Promise<readonly unknown[]> {
    if (response.status !== 200) throw await this.#session.responseError(this.#topic, response)
    const json = parseJson(response.body)
    if (json === undefined) {
      const isPage = /^\s*</.test(Buffer.from(response.body).toString())
      throw this.#unreadable(
        isPage
          ? 'the response is a web page'
          : `the response is not JSON, is truncated, or has more than ${MAX_DEPTH} levels`,
      )
    }
    const entries = isObject(json) ? json[this.#field] : undefined
    if (entries === null) return []
    if (!Array.isArray(entries))
      throw this.#unreadable(`the response has no field "${this.#field}" with a list`)
    return entries
  }

  /**
   * Returns the query of the next page. Of a Link only the query is used, with this list's path and origin: registries behind
   * a proxy send the wrong scheme or host, Artifactory omits a virtual repository's prefix, and a malicious registry would
   * choose where credentials are sent.
   */
  nextOf({ headers }: EgressResponse, { entries, pageSize, query, linked }: ListPage): NextPage {
    let link: URL | undefined
    try {
      link = nextLink(headers, new URL(this.#pathOf(query), 'https://registry.invalid'))
    } catch (error) {
      throw this.#unreadable('the Link header is malformed', error)
    }
    if (link) return { query: link.search.slice(1), linked: true, isGuess: false }
    // A full page without Link is the last one, or the registry sends no Link: the specification allows both. A registry
    // that sent a Link before would send one here. A page with more entries than requested ignores n, and is complete.
    const last = entries.findLast((entry) => typeof entry === 'string')
    if (linked || entries.length !== pageSize || typeof last !== 'string') {
      return { query: undefined, linked: false, isGuess: false }
    }
    return { query: `n=${pageSize}&last=${encodeURIComponent(last)}`, linked: false, isGuess: true }
  }

  #pathOf(query: string): string {
    return query === '' ? this.#path : `${this.#path}?${query}`
  }

  #unreadable(why: string, cause?: unknown): RegistryError {
    return unreadableError(this.#session.subject(this.#topic), why, cause)
  }
}

/** Returns the page size that a registry allows when it refuses a larger one: ECR with 405, older Quay with 400. */
export function pageLimitOf({ status, body }: EgressResponse, pageSize: number): number | undefined {
  if (status < 400 || status >= 500 || status === 404) return undefined
  const numbers =
    Buffer.from(body.subarray(0, MAX_ERROR_BODY))
      .toString()
      .match(/(?<![\w.])\d{1,5}(?![\w.]*\w)/g) ?? []
  const limits = numbers.map(Number).filter((number) => number > 0 && number < pageSize && number !== status)
  return limits.length > 0 ? Math.max(...limits) : undefined
}

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
