import type { TagName } from '../../oci/tag.ts'
import type { Listing } from '../request/import-plan.ts'
import type { Failure } from '../request/import-rows.ts'
import type { FailingTag, KnownTags } from './known-tags.ts'

/** What an import is to do about the tags of the stream's repository. */
export interface Look {
  /** To be asked for, in order of importance. */
  readonly wanted: readonly TagName[]
  /** To be asked for although the registry does not list them any more. */
  readonly unlisted: readonly TagName[]
  /** Left out by the limit of tags. */
  readonly additionalTags: readonly TagName[]
  /** Newest events of the tags that cannot have changed. */
  readonly unchangedEvents: readonly number[]
  /** Tags that were not readable and cannot have changed. */
  readonly stillFailing: readonly FailingTag[]
}

/** Nothing to ask for, and nothing to tell. */
export const NOTHING_SEEN: Look = {
  wanted: [],
  unlisted: [],
  additionalTags: [],
  unchangedEvents: [],
  stillFailing: [],
}

/** Failures that last while the registry and its listing say what they said. */
const LASTING_FAILURES: readonly Failure['reason'][] = ['NotFound', 'InvalidManifest']

/** The listed tags that are the repository's to bring in, the most important ones where there is a limit. */
export function limited(
  listing: Listing,
  names: readonly TagName[],
  maximumTags: number | null,
): Pick<Look, 'wanted' | 'additionalTags'> {
  const wanted = listing.wantedOf(names)
  return { additionalTags: wanted.splice(maximumTags ?? wanted.length), wanted }
}

/** Why tags are asked for one by one. */
export interface Suspicion {
  /** Tags of which something new is claimed. */
  readonly suspects: readonly TagName[]
  /** What the registry itself lists, where that was read: tags that are not known are asked for too. */
  readonly listed: Pick<Look, 'wanted' | 'unlisted' | 'additionalTags'> | null
  /** Brought in by this import before. */
  readonly done: Iterable<TagName>
}

/** Asks for what may have changed, and again for what could not be read; all else is as it was. */
export function lookAtSuspects(
  listing: Listing,
  known: KnownTags,
  { suspects, listed, done }: Suspicion,
): Look {
  const failing = known.failing()
  const toAsk = new Set([
    ...suspects,
    ...failing.filter(({ reason }) => !LASTING_FAILURES.includes(reason)).map(({ name }) => name),
    ...known.overwritten(),
  ])
  const isKnown = new Set(listed && known.names())
  const wanted = listed
    ? listed.wanted.filter((tag) => toAsk.has(tag) || !isKnown.has(tag))
    : listing.wantedOf([...toAsk])
  const { unlisted, additionalTags } = listed ?? NOTHING_SEEN
  const others = new Set([...wanted, ...unlisted, ...additionalTags, ...done])
  return {
    wanted,
    unlisted,
    additionalTags,
    unchangedEvents: known.unchangedEvents([...others]),
    stillFailing: failing.filter(({ name }) => !others.has(name)),
  }
}
