import type { TagName } from '../../oci/tag.ts'
import type { RepositoryImport } from '../stored-import/import-plan.ts'
import type { TagFailure } from '../stored-import/import-state.ts'
import type { FailingTag, KnownTags } from './known-tags.ts'

/** The tags of a stream's repository, by what an import does with them. */
export interface TagSelection {
  /** Tags to request, in order of importance. */
  readonly wanted: readonly TagName[]
  /** Known tags to request although the registry no longer lists them. */
  readonly unlisted: readonly TagName[]
  /** Tags beyond the limit, which are not imported. */
  readonly additionalTags: readonly TagName[]
  /** Newest events of the tags that cannot have changed. */
  readonly unchangedEvents: readonly number[]
  /** Tags that could not be read, and that cannot have changed. */
  readonly stillFailing: readonly FailingTag[]
}

/** The selection of an import without a repository, or whose repository could not be read. */
export const NO_TAGS: TagSelection = {
  wanted: [],
  unlisted: [],
  additionalTags: [],
  unchangedEvents: [],
  stillFailing: [],
}

/** Failures that last as long as the registry and its listing do not change. */
const LASTING_FAILURES: readonly TagFailure['reason'][] = ['NotFound', 'InvalidManifest']

/** Returns the listed tags of the repository, cut to the most important ones where there is a limit. */
export function limitTags(
  repository: RepositoryImport,
  names: readonly TagName[],
  maximumTags: number | null,
): Pick<TagSelection, 'wanted' | 'additionalTags'> {
  const wanted = repository.ownTags(names)
  return { additionalTags: wanted.splice(maximumTags ?? wanted.length), wanted }
}

/** Where changed tags are known from. */
export interface TagChanges {
  /** Tags that changed according to the vendor's listing. */
  readonly changed: readonly TagName[]
  /** The registry's own tag list, if it was read: its unknown tags are requested too. */
  readonly listed: Pick<TagSelection, 'wanted' | 'unlisted' | 'additionalTags'> | null
  /** Tags that this import has imported before a restart. */
  readonly done: Iterable<TagName>
}

/** Selects the tags that may have changed or that could not be read; all others are unchanged. */
export function selectChangedTags(
  repository: RepositoryImport,
  known: KnownTags,
  { changed, listed, done }: TagChanges,
): TagSelection {
  const failing = known.failing()
  const toRequest = new Set([
    ...changed,
    ...failing.filter(({ reason }) => !LASTING_FAILURES.includes(reason)).map(({ name }) => name),
    ...known.overwritten(),
  ])
  const knownNames = new Set(listed && known.names())
  const wanted = listed
    ? listed.wanted.filter((tag) => toRequest.has(tag) || !knownNames.has(tag))
    : repository.ownTags([...toRequest])
  const { unlisted, additionalTags } = listed ?? NO_TAGS
  const others = new Set([...wanted, ...unlisted, ...additionalTags, ...done])
  return {
    wanted,
    unlisted,
    additionalTags,
    unchangedEvents: known.unchangedEvents([...others]),
    stillFailing: failing.filter(({ name }) => !others.has(name)),
  }
}
