import type { TagName } from '../../oci/tag.ts'
import type { TagList } from '../request/registry-reader.ts'
import type { KnownTags } from './known-tags.ts'
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
  read({ repository, reader }: RepositoryToCheck): Promise<TagList> {
    return reader.listTags(repository, createSavedPages(this.#dependencies, this.#import.importId))
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
    const { alreadyImported, stream } = this.#import
    const known = this.#known.names()
    const missing = this.#dependencies.watches.missing(stream.id)
    if (known.length + missing.length === 0) return []
    const listed = new Set(names)
    this.listedAgain = missing.filter((name) => listed.has(name))
    return repository.ownTags(known.filter((name) => !listed.has(name) && !alreadyImported.has(name)))
  }
}
