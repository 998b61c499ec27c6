import { setImmediate as breathe } from 'node:timers/promises'
import type { EgressResponse } from '../egress/exchange.ts'
import { isObject } from '../oci/descriptor.ts'
import { isReferrersTag, isTagName, type TagName } from '../oci/tag.ts'
import type { Clock } from './clock.ts'
import type { RemoteLimits } from './limits.ts'
import { nextLink } from './link.ts'
import { unreadable } from './refusal.ts'
import type { Session } from './session.ts'

export interface ListingOptions {
  readonly clock: Clock
  readonly limits: RemoteLimits
  /** Told once, at the end, what is wrong with a listing that was read nevertheless. */
  readonly warn: (message: string) => void
}

const SUBJECT = { what: 'the list of tags', unreadable: 'RegistryUnavailable' } as const
/** Names handed over at a time; between two such pieces other work gets its turn. */
const PIECE = 1000
/** Pages in a row that bring nothing new before a listing counts as going in circles. */
const BARREN_PAGES = 10
const MAX_ERROR_BODY = 64 * 1024

/**
 * The tags of a repository, page by page, each once. Names that break the grammar are left out and counted, tags that
 * only carry referrers are left out. Ends normally only when the registry has no more to tell, or (with a warning) leads
 * back to where it began; throws RegistryError when the listing is longer than the limits allow, after what came before.
 * Source: OCI distribution-spec, listing tags; docker-registry and others leave parts of it out, see the tests.
 */
export async function* listTags(
  session: Session,
  options: ListingOptions,
): AsyncGenerator<readonly TagName[]> {
  const { clock, limits, warn } = options
  const deadline = clock.now() + limits.listingTime
  const names = new Names()
  const asked = new Set<string>()
  let barren = 0
  let linked = false
  let pageSize = limits.pageSize
  let query: string | undefined = `n=${pageSize}`

  for (let pages = 1; query !== undefined; pages += 1) {
    if (pages > limits.pages) throw tooLong(session, `more than ${limits.pages} pages`)
    if (clock.now() > deadline) throw tooLong(session, 'more time than there is for it')
    asked.add(query)
    const answer = await askForPage(session, query, limits.pageBytes)
    const smaller = pages === 1 ? pageLimitOf(answer, pageSize) : undefined
    if (smaller !== undefined) {
      pageSize = smaller
      query = `n=${pageSize}`
      continue
    }
    const entries = await entriesOf(session, answer)
    const before = names.size
    for (let at = 0; at < entries.length; at += PIECE) {
      if (at > 0) await breathe()
      const fresh = names.admit(entries.slice(at, at + PIECE))
      if (names.size > limits.tags) throw tooLong(session, `more than ${limits.tags} tags`)
      if (fresh.length > 0) yield fresh
    }

    const next = await nextQuery(session, answer, { entries, pageSize, query, linked })
    linked ||= next.linked
    barren = names.size === before ? barren + 1 : 0
    // without Link a page is only asked for to see whether there is one
    if (next.probing && barren > 0) break
    query = next.query
    if (query !== undefined && (asked.has(query) || barren >= BARREN_PAGES)) {
      warn('its list of tags leads back to pages that were read already')
      break
    }
  }
  if (names.illegal > 0) warn(`its list of tags has ${names.illegal} entries that are no tag names`)
}

/** The names of one listing so far. */
class Names {
  readonly #seen = new Set<string>()
  illegal = 0

  get size(): number {
    return this.#seen.size
  }

  /** The tags among these entries that are new and not only there to carry referrers. */
  admit(entries: readonly unknown[]): readonly TagName[] {
    const fresh: TagName[] = []
    for (const entry of entries) {
      const name = entry === '' ? 'latest' : entry
      if (!isTagName(name)) this.illegal += 1
      else if (!this.#seen.has(name)) {
        this.#seen.add(name)
        if (!isReferrersTag(name)) fresh.push(name)
      }
    }
    return fresh
  }
}

const pathOf = (session: Session, query: string): string => `/v2/${session.repository}/tags/list?${query}`

const askForPage = (session: Session, query: string, maxBytes: number): Promise<EgressResponse> =>
  session.ask({
    ...SUBJECT,
    method: 'GET',
    path: pathOf(session, query),
    headers: { accept: 'application/json' },
    maxBytes,
  })

const tooLong = (session: Session, what: string): Error =>
  unreadable(session.question(SUBJECT), `it takes ${what}`)

/** The page size that a registry names when it refuses ours: ECR with 405, older Quay with 400. */
function pageLimitOf({ status, body }: EgressResponse, pageSize: number): number | undefined {
  if (status < 400 || status >= 500 || status === 404) return undefined
  const numbers =
    Buffer.from(body.subarray(0, MAX_ERROR_BODY))
      .toString()
      .match(/(?<![\w.])\d{1,5}(?![\w.]*\w)/g) ?? []
  const limits = numbers.map(Number).filter((number) => number > 0 && number < pageSize && number !== status)
  return limits.length > 0 ? Math.max(...limits) : undefined
}

/** The page's `tags` as they came; none when it is null, as docker-registry says that there are none. */
async function entriesOf(session: Session, answer: EgressResponse): Promise<readonly unknown[]> {
  if (answer.status !== 200) {
    throw await session.refusal({ ...SUBJECT, absent: `the repository ${session.repository}` }, answer)
  }
  const subject = session.question(SUBJECT)
  const text = Buffer.from(answer.body).toString()
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw unreadable(subject, /^\s*</.test(text) ? 'it is a web page' : 'it is not JSON, or was cut off')
  }
  const tags = isObject(json) ? json.tags : undefined
  if (tags === null) return []
  if (!Array.isArray(tags)) throw unreadable(subject, 'it has no list of tags in it')
  return tags
}

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

/**
 * What to ask for next. Of a Link only the query is used, on our own path and origin: registries behind a proxy name
 * the wrong scheme or host, Artifactory forgets a virtual repository's prefix, and a hostile one would choose where our
 * credentials go.
 */
async function nextQuery(
  session: Session,
  { headers }: EgressResponse,
  { entries, pageSize, query, linked }: Page,
): Promise<Next> {
  let link: URL | undefined
  try {
    link = nextLink(headers, new URL(pathOf(session, query), 'https://registry.invalid'))
  } catch (error) {
    throw unreadable(session.question(SUBJECT), 'its Link header cannot be read', error)
  }
  if (link) return { query: link.search.slice(1), linked: true, probing: false }
  // A full page without Link may be the last one, or come from a registry that sends no Link: the specification allows
  // both, and a registry that sent one before would send one now. More than was asked for means that the registry pays
  // no heed to n and sent all.
  const last = entries.findLast((entry) => typeof entry === 'string')
  if (linked || entries.length !== pageSize || typeof last !== 'string') {
    return { query: undefined, linked: false, probing: false }
  }
  return { query: `n=${pageSize}&last=${encodeURIComponent(last)}`, linked: false, probing: true }
}
