import type { Transaction } from '../../db/transact.ts'
import type { RepositoryImport } from '../request/import-plan.ts'
import type { RegistryReader } from '../request/registry-reader.ts'
import { limitTags, NO_TAGS, type TagSelection } from './tag-selection.ts'

/** A repository whose tags an import selects, and the means to read it. */
export interface RepositoryToCheck {
  readonly repository: RepositoryImport
  readonly reader: RegistryReader
  readonly signal: AbortSignal
}

/** Selects the tags of a repository that an import requests. */
export interface RepositoryCheck {
  /** Throws RegistryError, or the signal's reason once it is aborted. */
  select(subject: RepositoryToCheck): Promise<TagSelection>
  /** Stores the state of the check in the transaction that ends the import. `isComplete`: every tag has a result. */
  finish(tx: Transaction, isComplete: boolean): void
}

/** Selects all tags that the registry lists, and stores nothing: the check of a dry run. */
export const checkTagList = (maximumTags: number | null): RepositoryCheck => ({
  async select({ repository, reader }) {
    const { names } = await reader.listTags(repository)
    return { ...NO_TAGS, ...limitTags(repository, names, maximumTags) }
  },
  finish() {},
})
