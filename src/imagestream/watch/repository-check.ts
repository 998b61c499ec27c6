import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { ImportRequest, RepositoryImport } from '../stored-import/import-plan.ts'
import type { RegistryReader } from './registry-reader.ts'
import type { ReportedMoves } from './reported-moves.ts'
import type { RepositoryWatches } from './repository-watches.ts'
import { limitTags, NO_TAGS, type TagSelection } from './tag-selection.ts'

export interface RepositoryCheckDependencies {
  readonly db: Database
  readonly watches: RepositoryWatches
  readonly moves: ReportedMoves
  /** Maximum number of tags of one repository import; the rest become `additionalTags`. Null for no limit. */
  readonly maximumTags: number | null
  /** Milliseconds between two full scans; 0 disables the listings of vendors. */
  readonly fullScanMs: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onInternalError: (error: unknown, importId: number) => void
}

/** The import whose repository is checked. */
export interface CheckedImport {
  readonly importId: number
  readonly stream: ImageStream
  readonly request: ImportRequest
  /** Tags that this import has imported before a restart. */
  readonly alreadyImported: ReadonlySet<TagName>
}

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
