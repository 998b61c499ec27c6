import type { EgressResponse } from '../../egress/exchange.ts'
import { isObject } from '../../oci/descriptor.ts'
import { unreadable } from '../login/refusal.ts'
import type { Session, Topic } from '../session/session.ts'
import { nextLink } from './link.ts'

/** Where a list is, and what it is called. */
export interface ListAddress {
  /** `tags`, `repositories`: the list's name in the answer, and in the words of an error. */
  readonly field: string
  readonly path: string
  /** What a 404 says is missing. */
  readonly absent: string
  /** The list in the words of an error, where its name does not say it. */
  readonly what?: string
  /** Media type to ask for; JSON's unless given. */
  readonly accept?: string
}

const MAX_ERROR_BODY = 64 * 1024

interface Page {
  readonly entries: readonly unknown[]
  readonly pageSize: number
  readonly query: string
  /** Whether an earlier page had a Link. */
  readonly linked: boolean
}

interface Next {
  readonly query: string | undefined
  readonly linked: boolean
  /** Whether it is only asked for to see whether there is such a page. */
  readonly probing: boolean
}

/** Asks for the pages of one list and reads them. */
export class Pages {
  readonly #session: Session
  readonly #path: string
  readonly #field: string
  readonly #topic: Topic
  readonly #accept: string

  constructor(session: Session, { field, path, absent, what, accept }: ListAddress) {
    this.#session = session
    this.#path = path
    this.#field = field
    this.#topic = { what: what ?? `the list of ${field}`, absent, unreadable: 'RegistryUnavailable' }
    this.#accept = accept ?? 'application/json'
  }

  ask(query: string, maxBytes: number): Promise<EgressResponse> {
    const headers = { accept: this.#accept }
    return this.#session.ask({ ...this.#topic, method: 'GET', path: this.#at(query), headers, maxBytes })
  }

  tooLong(what: string): Error {
    return this.#unreadable(`it takes ${what}`)
  }

  /** The page's entries as they came; none when there is null, as docker-registry says that there are none. */
  async entriesOf(answer: EgressResponse): Promise<readonly unknown[]> {
    if (answer.status !== 200) throw await this.#session.refusal(this.#topic, answer)
    const text = Buffer.from(answer.body).toString()
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      throw this.#unreadable(/^\s*</.test(text) ? 'it is a web page' : 'it is not JSON, or was cut off')
    }
    const entries = isObject(json) ? json[this.#field] : undefined
    if (entries === null) return []
    if (!Array.isArray(entries)) throw this.#unreadable(`it has no list of ${this.#field} in it`)
    return entries
  }

  /**
   * What to ask for next. Of a Link only the query is used, on our own path and origin: registries behind a proxy name
   * the wrong scheme or host, Artifactory forgets a virtual repository's prefix, and a hostile one would choose where
   * our credentials go.
   */
  nextOf({ headers }: EgressResponse, { entries, pageSize, query, linked }: Page): Next {
    let link: URL | undefined
    try {
      link = nextLink(headers, new URL(this.#at(query), 'https://registry.invalid'))
    } catch (error) {
      throw this.#unreadable('its Link header cannot be read', error)
    }
    if (link) return { query: link.search.slice(1), linked: true, probing: false }
    // A full page without Link may be the last one, or come from a registry that sends no Link: the specification
    // allows both, and a registry that sent one before would send one now. More than was asked for means that the
    // registry pays no heed to n and sent all.
    const last = entries.findLast((entry) => typeof entry === 'string')
    if (linked || entries.length !== pageSize || typeof last !== 'string') {
      return { query: undefined, linked: false, probing: false }
    }
    return { query: `n=${pageSize}&last=${encodeURIComponent(last)}`, linked: false, probing: true }
  }

  #at(query: string): string {
    return query === '' ? this.#path : `${this.#path}?${query}`
  }

  #unreadable(why: string, cause?: unknown): Error {
    return unreadable(this.#session.question(this.#topic), why, cause)
  }
}

/** The page size that a registry names when it refuses ours: ECR with 405, older Quay with 400. */
export function pageLimitOf({ status, body }: EgressResponse, pageSize: number): number | undefined {
  if (status < 400 || status >= 500 || status === 404) return undefined
  const numbers =
    Buffer.from(body.subarray(0, MAX_ERROR_BODY))
      .toString()
      .match(/(?<![\w.])\d{1,5}(?![\w.]*\w)/g) ?? []
  const limits = numbers.map(Number).filter((number) => number > 0 && number < pageSize && number !== status)
  return limits.length > 0 ? Math.max(...limits) : undefined
}
