import { formatRepository } from '../../oci/reference.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'
import type {
  RemoteOptions,
  RemoteRegistry,
  RemoteRepository,
  ResolvedTag,
} from '../image/remote-registry.ts'
import type { ImportTarget } from './import-plan.ts'

/** Where to ask. */
export type Asked = Pick<ImportTarget, 'reference' | 'insecure'>

/** The tags that a repository lists. */
export interface TagListing {
  readonly names: readonly TagName[]
  /** Whether the registry told all that it has; what a listing lacks that is not whole may be there. */
  readonly isWhole: boolean
}

/** Where the pages of a listing are kept as they arrive, so that a restarted server goes on and does not begin again. */
export interface SavedPages {
  /** What was read before, and where it goes on: null at the start. */
  read(): { readonly names: readonly TagName[]; readonly next: string | null }
  add(names: readonly TagName[], next: string): Promise<void>
  forget(): void
}

/** What registries answer in the course of one import: what several parts of it want to know is asked once. */
export class RegistryAnswers {
  readonly #remote: RemoteRegistry
  readonly #options: Omit<RemoteOptions, 'insecure'>
  readonly #opened = new Map<string, RemoteRepository>()
  readonly #listings = new Map<string, Promise<TagListing>>()
  readonly #resolved = new Map<string, Promise<ResolvedTag>>()

  constructor(remote: RemoteRegistry, options: Omit<RemoteOptions, 'insecure'>) {
    this.#remote = remote
    this.#options = options
  }

  repository(of: Asked): RemoteRepository {
    const { reference, insecure } = of
    const key = keyOf(of)
    let repository = this.#opened.get(key)
    if (!repository) {
      repository = this.#remote.repository(reference, { insecure, ...this.#options })
      this.#opened.set(key, repository)
    }
    return repository
  }

  /** All tags of the repository, in the registry's order; the pages are saved where that is said by who asks first. */
  listTags(of: Asked, saved?: SavedPages): Promise<TagListing> {
    const key = keyOf(of)
    let listing = this.#listings.get(key)
    if (!listing) {
      listing = readListing(this.repository(of), saved)
      this.#listings.set(key, listing)
    }
    return listing
  }

  /**
   * What the tag means now; `known` is what it meant when last asked. The answer is kept for the rest of the import with
   * `keep`: for tags that rules choose, which are few, and not for all of a repository.
   */
  resolveTag(
    of: Asked,
    tag: TagName,
    { known, keep }: { readonly known: ResolvedTag['digest'] | null; readonly keep: boolean },
  ): Promise<ResolvedTag> {
    const key = `${keyOf(of)} ${tag}`
    const kept = this.#resolved.get(key)
    if (kept) return kept
    const answer = this.repository(of).resolveTag(tag, known)
    if (keep) {
      // without the manifest that may have come along: there may be hundreds, and what is stored is read from there
      const digest = answer.then((resolved) => ({ digest: resolved.digest }))
      // who asked first is told of a failure; this copy of it may have nobody who listens
      digest.catch(() => {})
      this.#resolved.set(key, digest)
    }
    return answer
  }
}

const keyOf = ({ reference, insecure }: Asked): string => `${formatRepository(reference)} ${insecure}`

async function readListing(repository: RemoteRepository, saved: SavedPages | undefined): Promise<TagListing> {
  const before = saved?.read()
  if (!before || before.next === null) return readPages(repository, { saved, names: [], from: undefined })
  const names = [...before.names]
  try {
    return await readPages(repository, { saved, names, from: before.next })
  } catch (error) {
    // a place in a list may be good for minutes only: where nothing was read from there, it is begun again
    if (names.length > before.names.length || !isRefusedCursor(error)) throw error
    saved?.forget()
    return readPages(repository, { saved, names: [], from: undefined })
  }
}

interface Pages {
  readonly saved: SavedPages | undefined
  /** Those that were read before; the others are added. */
  readonly names: TagName[]
  readonly from: string | undefined
}

async function readPages(repository: RemoteRepository, { saved, names, from }: Pages): Promise<TagListing> {
  let isWhole = true
  let unsaved = names.length
  for await (const page of repository.listTags(from)) {
    for (const name of page.names) names.push(name)
    if (page.isPartial) isWhole = false
    if (page.next !== null && saved) {
      await saved.add(names.slice(unsaved), page.next)
      unsaved = names.length
    }
  }
  // the adapter tells each name once, but knows nothing of what was read before
  return { names: from === undefined ? names : [...new Set(names)], isWhole }
}

const CURSOR_REFUSALS = [400, 404, 405, 410, 416, 422]

const isRefusedCursor = (error: unknown): boolean =>
  error instanceof RegistryError && CURSOR_REFUSALS.includes(error.status ?? 0)
