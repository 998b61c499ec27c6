import { formatRepository } from '../../oci/reference.ts'
import type { RepositoryImport } from '../stored-import/import-plan.ts'
import type { TagFailure } from '../stored-import/import-state.ts'
import { sortKeysOf } from '../tag/tag-order.ts'
import type { FailingTag } from '../watch/known-tags.ts'
import type { TagSelection } from '../watch/tag-selection.ts'
import type { TagOutcome } from './import-context.ts'

/** The results of a repository's tags in one import: whether the repository as a whole can be imported. */
export class RepositoryOutcome {
  readonly #repository: Pick<RepositoryImport, 'reference'>
  #succeeded = 0
  #failed = 0
  /** The failure of the most important tag: the same one each time, in whatever order the tags end. */
  #first: (TagFailure & { readonly importance: string }) | null = null

  constructor(repository: Pick<RepositoryImport, 'reference'>) {
    this.#repository = repository
  }

  /** Adds the tags whose results are known without a request. `imported`: number of tags imported before a restart. */
  addSelected({ unchangedEvents, stillFailing }: TagSelection, imported: number): void {
    this.#succeeded += unchangedEvents.length + imported
    for (const failing of stillFailing) this.#addFailure(failing)
  }

  /** Adds the result of a tag. One that the repository no longer lists does not count as a failure. */
  add(
    { tag, isUnlisted }: { readonly tag: FailingTag['name']; readonly isUnlisted?: true },
    outcome: TagOutcome,
  ): void {
    if (outcome.state !== 'FAILED') this.#succeeded++
    else if (!isUnlisted && outcome.reason !== 'Superseded') this.#addFailure({ name: tag, ...outcome })
  }

  /** Returns why no tag of the repository can be imported; null if one can, or if there are none. */
  get failure(): TagFailure | null {
    if (!this.#first || this.#succeeded > 0) return null
    const { reason, message } = this.#first
    if (this.#failed === 1) return { reason, message }
    const repository = formatRepository(this.#repository.reference)
    return { reason, message: `${repository}: none of its ${this.#failed} tags can be imported; ${message}` }
  }

  #addFailure({ name, reason, message }: FailingTag): void {
    this.#failed++
    const { importance } = sortKeysOf(name)
    if (!this.#first || importance < this.#first.importance) this.#first = { importance, reason, message }
  }
}
