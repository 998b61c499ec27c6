import { yieldToEventLoop } from '../../concurrency/yielding.ts'
import { isRepositoryName } from '../../oci/reference.ts'
import { isReferrersTag, isTagName, type TagName } from '../../oci/tag.ts'
import type { Session } from '../session/session.ts'
import { type ListAddress, ListingPages, pageLimitOf } from './listing-pages.ts'

/** A part of a list. */
export interface ListedPage<Name extends string> {
  readonly names: readonly Name[]
  /** Position after this page, for a later listing; null within a page and at the end. */
  readonly next: string | null
  /** Set when the registry repeated pages, so that the list may be incomplete. */
  readonly isPartial?: true
}

/**
 * Returns the tags of a repository page by page, as `listNames` does. `from` is the `next` of an earlier page, after which the
 * listing continues. Tags that only hold a list of referrers are omitted. Source: OCI distribution-spec, listing tags; the
 * tests list the deviations of docker-registry and others.
 */
export const listTags = (session: Session, from?: string): AsyncGenerator<ListedPage<TagName>> =>
  listNames(
    session,
    {
      field: 'tags',
      entry: 'tag',
      path: `/v2/${session.repository}/tags/list`,
      absent: `the repository ${session.repository}`,
      nameOf: (entry) => {
        const name = entry === '' ? 'latest' : entry
        return isTagName(name) ? name : undefined
      },
      isHidden: isReferrersTag,
    },
    from,
  )

/** Stands in place of the repository in messages. */
export const CATALOG = '_catalog'
/** Scope of a token for the catalog. Source: distribution, token scope documentation. */
export const CATALOG_SCOPE = 'registry:catalog:*'

/**
 * Returns the repositories of a registry page by page, each name once, with the checks of `listNames`. Throws RegistryError;
 * NotFound when the registry has no catalog. Source: distribution, HTTP API, catalog.
 */
export async function* listRepositories(session: Session): AsyncGenerator<readonly string[]> {
  const pages = listNames(session, {
    field: 'repositories',
    entry: 'repository',
    path: `/v2/${CATALOG}`,
    absent: 'a list of repositories',
    nameOf: (entry) => (typeof entry === 'string' && isRepositoryName(entry) ? entry : undefined),
  })
  for await (const { names } of pages) if (names.length > 0) yield names
}

/** A list and the names in it. */
interface ListDescription<Name extends string> extends ListAddress {
  /** `tag`: one entry in messages. */
  readonly entry: string
  /** Returns an entry's name; undefined when it is not valid. */
  readonly nameOf: (entry: unknown) => Name | undefined
  /** Whether a name counts towards the limits without being returned. */
  readonly isHidden?: (name: Name) => boolean
}

/** Names returned at a time; after each the event loop runs. */
const CHUNK = 1000
/** Consecutive pages without a new name after which the registry is considered to repeat pages. */
const MAX_REPEATED_PAGES = 10

/**
 * Returns the names of a list page by page, each once; invalid entries are omitted and counted. Ends normally when the
 * registry has no more names, or (with a warning and `isPartial`) when it repeats pages. Throws RegistryError after the
 * names so far when the list exceeds the limits. Each defect of a list causes one warning, at the end.
 */
async function* listNames<Name extends string>(
  session: Session,
  list: ListDescription<Name>,
  from?: string,
): AsyncGenerator<ListedPage<Name>> {
  const { clock, limits, warn } = session.options
  const pages = new ListingPages(session, list)
  const deadline = clock.now() + limits.listingTime
  const names = new UniqueNames(list)
  const requested = new Set<string>()
  let repeatedPages = 0
  let linked = false
  let pageSize = sizeOf(from) ?? limits.pageSize
  let query: string | undefined = from ?? `n=${pageSize}`

  for (let count = 1; query !== undefined; count += 1) {
    if (count > limits.pages) throw pages.tooLong(`more than ${limits.pages} pages`)
    if (clock.now() > deadline) throw pages.tooLong(`longer than ${limits.listingTime / 1000} seconds`)
    requested.add(query)
    const response = await pages.request(query, limits.pageBytes)
    const smaller = count === 1 && from === undefined ? pageLimitOf(response, pageSize) : undefined
    if (smaller !== undefined) {
      pageSize = smaller
      query = `n=${pageSize}`
      continue
    }
    const entries = await pages.entriesOf(response)
    const next = pages.nextOf(response, { entries, pageSize, query, linked })
    linked ||= next.linked
    const before = names.size
    for (let at = 0; at < entries.length; at += CHUNK) {
      if (at > 0) await yieldToEventLoop()
      const added = names.add(entries.slice(at, at + CHUNK))
      if (names.size > limits.tags) throw pages.tooLong(`more than ${limits.tags} ${list.field}`)
      const isPageEnd = at + CHUNK >= entries.length
      if (added.length > 0) yield { names: added, next: (isPageEnd && next.query) || null }
    }

    repeatedPages = names.size === before ? repeatedPages + 1 : 0
    if (next.isGuess && repeatedPages > 0) break
    query = next.query
    if (query !== undefined && (requested.has(query) || repeatedPages >= MAX_REPEATED_PAGES)) {
      warn(`its list of ${list.field} repeats pages that were already read`)
      yield { names: [], next: null, isPartial: true }
      break
    }
  }
  if (names.invalid > 0) {
    warn(`its list of ${list.field} has ${names.invalid} entries that are not ${list.entry} names`)
  }
}

/** Returns the page size in a query. */
function sizeOf(query: string | undefined): number | undefined {
  const size = Number(new URLSearchParams(query).get('n'))
  return Number.isSafeInteger(size) && size > 0 ? size : undefined
}

/** The names of one list so far. */
class UniqueNames<Name extends string> {
  readonly #list: ListDescription<Name>
  readonly #seen = new Set<Name>()
  /** Entries that are not valid names. */
  invalid = 0

  constructor(list: ListDescription<Name>) {
    this.#list = list
  }

  get size(): number {
    return this.#seen.size
  }

  /** Adds entries. Returns the names that are new and not hidden. */
  add(entries: readonly unknown[]): readonly Name[] {
    const { nameOf, isHidden } = this.#list
    const added: Name[] = []
    for (const entry of entries) {
      const name = nameOf(entry)
      if (name === undefined) this.invalid += 1
      else if (!this.#seen.has(name)) {
        this.#seen.add(name)
        if (!isHidden?.(name)) added.push(name)
      }
    }
    return added
  }
}
