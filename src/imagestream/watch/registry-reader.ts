import { getOrSet } from '../../input/maps.ts'
import { formatRepository } from '../../oci/reference.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'
import type {
  RemoteOptions,
  RemoteRegistry,
  RemoteRepository,
  ResolvedTag,
} from '../image/remote-registry.ts'
import type { ImportTarget } from '../stored-import/import-plan.ts'
import type { SavedPages } from './saved-pages.ts'

/** A repository, and how it may be connected to. */
export type RepositoryAccess = Pick<ImportTarget, 'reference' | 'insecure'>

/** The tag list of a repository. */
export interface TagList {
  readonly names: readonly TagName[]
  /** Whether the registry returned all tags; a tag that an incomplete list lacks may exist. */
  readonly isComplete: boolean
}

type ReaderOptions = Omit<RemoteOptions, 'insecure'> & { readonly namespace: string }

/** Reads from registries during one import. Repeated reads of one tag list, or of one chosen tag, share one request. */
export class RegistryReader {
  readonly #remote: RemoteRegistry
  readonly #options: ReaderOptions
  readonly #repositories = new Map<string, RemoteRepository>()
  readonly #tagLists = new Map<string, Promise<TagList>>()
  readonly #resolved = new Map<string, Promise<ResolvedTag>>()

  constructor(remote: RemoteRegistry, options: ReaderOptions) {
    this.#remote = remote
    this.#options = options
  }

  /** Namespace whose credentials are used. */
  get namespace(): string {
    return this.#options.namespace
  }

  repository(source: RepositoryAccess): RemoteRepository {
    const open = () =>
      this.#remote.repository(source.reference, { insecure: source.insecure, ...this.#options })
    return getOrSet(this.#repositories, keyOf(source), open)
  }

  /** Returns all tags of the repository, in the registry's order. The first call decides whether pages are saved. */
  listTags(source: RepositoryAccess, saved?: SavedPages): Promise<TagList> {
    return getOrSet(this.#tagLists, keyOf(source), () => readTagList(this.repository(source), saved))
  }

  /**
   * Returns the digest that the tag points to; `known` is the digest that it last pointed to. With `keep`, the result is
   * kept for the rest of the import: for tags that rules choose, which are few, not for all tags of a repository.
   */
  resolveTag(
    source: RepositoryAccess,
    tag: TagName,
    { known, keep }: { readonly known: ResolvedTag['digest'] | null; readonly keep: boolean },
  ): Promise<ResolvedTag> {
    const key = `${keyOf(source)} ${tag}`
    const kept = this.#resolved.get(key)
    if (kept) return kept
    const resolved = this.repository(source).resolveTag(tag, known)
    if (keep) {
      // without the manifest, if one was returned: there may be hundreds, and a stored one is read from the database
      const digest = resolved.then((result) => ({ digest: result.digest }))
      // the caller handles a rejection; this copy may have no reader
      digest.catch(() => {})
      this.#resolved.set(key, digest)
    }
    return resolved
  }
}

const keyOf = ({ reference, insecure }: RepositoryAccess): string =>
  `${formatRepository(reference)} ${insecure}`

async function readTagList(repository: RemoteRepository, saved: SavedPages | undefined): Promise<TagList> {
  const before = saved?.read()
  if (!before || before.next === null) return readPages(repository, saved)
  const names = [...before.names]
  try {
    return await readPages(repository, saved, names, before.next)
  } catch (error) {
    // a cursor may expire after minutes: if no page was read from it, start again from the first page
    if (names.length > before.names.length || !isRefusedCursor(error)) throw error
    saved?.clear()
    return readPages(repository, saved)
  }
}

async function readPages(
  repository: RemoteRepository,
  saved: SavedPages | undefined,
  // names that were read before; the others are appended
  names: TagName[] = [],
  from?: string,
): Promise<TagList> {
  let isComplete = true
  let unsaved = names.length
  for await (const page of repository.listTags(from)) {
    for (const name of page.names) names.push(name)
    if (page.isPartial) isComplete = false
    if (page.next !== null && saved) {
      await saved.add(names.slice(unsaved), page.next)
      unsaved = names.length
    }
  }
  // the adapter returns each name once, but does not know the names that were read before
  return { names: from === undefined ? names : [...new Set(names)], isComplete }
}

const CURSOR_REFUSALS = [400, 404, 405, 410, 416, 422]

const isRefusedCursor = (error: unknown): boolean =>
  error instanceof RegistryError && CURSOR_REFUSALS.includes(error.status ?? 0)
