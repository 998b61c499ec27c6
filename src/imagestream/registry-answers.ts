import { formatRepository } from '../oci/reference.ts'
import type { TagName } from '../oci/tag.ts'
import type { ImportTarget } from './import-plan.ts'
import type { RemoteOptions, RemoteRegistry, RemoteRepository, ResolvedTag } from './remote-registry.ts'

/** Where to ask. */
export type Asked = Pick<ImportTarget, 'reference' | 'insecure'>

/** What registries answer in the course of one import: what several parts of it want to know is asked once. */
export class RegistryAnswers {
  readonly #remote: RemoteRegistry
  readonly #options: Omit<RemoteOptions, 'insecure'>
  readonly #opened = new Map<string, RemoteRepository>()
  readonly #listings = new Map<string, Promise<readonly TagName[]>>()
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

  /** All tags of the repository, in the registry's order. */
  listTags(of: Asked): Promise<readonly TagName[]> {
    const key = keyOf(of)
    let listing = this.#listings.get(key)
    if (!listing) {
      listing = readAll(this.repository(of).listTags())
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

async function readAll(pages: AsyncIterable<readonly TagName[]>): Promise<readonly TagName[]> {
  const names: TagName[] = []
  for await (const page of pages) names.push(...page)
  return names
}
