import { and, eq } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { tags } from '../../db/tables/tag.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { TagFailure } from '../stored-import/import-state.ts'
import type { KnownTags } from './known-tags.ts'
import type { TagList } from './registry-reader.ts'
import type { CheckedImport, RepositoryCheckDependencies, RepositoryToCheck } from './repository-check.ts'
import { createSavedPages } from './saved-pages.ts'
import { limitTags, type TagSelection } from './tag-selection.ts'

/** Compares the registry's own tag list with the known tags. */
export class TagListCheck {
  readonly #dependencies: RepositoryCheckDependencies
  readonly #import: CheckedImport
  readonly #known: KnownTags
  /** Tags that were missing, and that the list contains again. */
  listedAgain: readonly TagName[] = []

  constructor(dependencies: RepositoryCheckDependencies, checkedImport: CheckedImport, known: KnownTags) {
    this.#dependencies = dependencies
    this.#import = checkedImport
    this.#known = known
  }

  /** Reads the tag list, once for an import, and saves its pages until the import ends. */
  async read({ repository, reader }: RepositoryToCheck): Promise<TagList> {
    const { importId, stream } = this.#import
    const list = await reader.listTags(repository, createSavedPages(this.#dependencies, importId))
    const missing = this.#dependencies.watches.missing(stream.id)
    const listed = missing.length > 0 && new Set(list.names)
    // also of an incomplete list: what it contains is listed
    this.listedAgain = listed ? missing.filter((name) => listed.has(name)) : []
    return list
  }

  async select(
    subject: RepositoryToCheck,
  ): Promise<Pick<TagSelection, 'wanted' | 'unlisted' | 'additionalTags'>> {
    const { names, isComplete } = await this.read(subject)
    return {
      ...limitTags(subject.repository, names, this.#dependencies.maximumTags),
      unlisted: isComplete ? this.#unlisted(subject, names) : [],
    }
  }

  /** Returns the known tags that a complete list lacks, except those that are already recorded as gone. */
  #unlisted({ repository }: RepositoryToCheck, names: readonly TagName[]): TagName[] {
    const { alreadyImported } = this.#import
    const known = this.#known.names()
    if (known.length === 0) return []
    const listed = new Set(names)
    return repository.ownTags(known.filter((name) => !listed.has(name) && !alreadyImported.has(name)))
  }
}

/** Milliseconds between two full scans that confirm each other: a short outage affects both of two closer scans. */
export const SCANS_APART = 60_000

/** A known tag that a complete tag list lacks, and that could not be read by name. */
export interface AbsentTag {
  readonly stream: ImageStream
  readonly tag: TagName
  /** Failure of the request for the tag. */
  readonly failure: TagFailure
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * Records since when the tag is not listed, and returns the failure to report. The tag is `NotFound` if the registry
 * responds so to a request by name, or if it cannot serve such a request and two complete lists lack the tag. A request
 * that is refused, limited or failed proves nothing.
 */
export function recordAbsence(
  db: Database,
  _tx: Transaction,
  { stream, tag, failure, now }: AbsentTag,
): TagFailure {
  const isTag = and(eq(tags.streamId, stream.id), eq(tags.name, tag))
  const row = db.orm.select({ missingSince: tags.missingSince }).from(tags).where(isTag).get()
  const before = row?.missingSince ?? null
  if (before === null) db.orm.update(tags).set({ missingSince: now }).where(isTag).run()
  const gone = `${stream.dockerImageRepository ?? ''}: the tag ${tag} is gone: not listed since ${new Date(before ?? now).toISOString()}`
  if (failure.reason === 'NotFound') {
    return { reason: 'NotFound', message: `${gone}, and the registry does not find it by name` }
  }
  if (!failure.isUnanswerable || before === null || now < before + SCANS_APART) return failure
  return { reason: 'NotFound', message: `${gone}, in two complete lists; by name: ${failure.message}` }
}
