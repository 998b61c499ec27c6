import { sees, type Viewer } from '../access/right/viewer.ts'
import type { streamChanges } from '../db/tables/index.ts'
import { matchesPush, type Push, type PushFilter } from './push-filter.ts'

/** A change of an image stream that is no push: a row of the log. */
export type StreamChange = Readonly<typeof streamChanges.$inferSelect>

/** An entry of the log: a push, or another change of an image stream. */
export type LogEntry = Push | StreamChange

export const isPush = (entry: LogEntry): entry is Push => 'imageId' in entry

/** Reports whether the viewer sees the stream of the entry. */
export const seesEntry = (
  viewer: Viewer,
  { namespace, imageStreamName: name }: Pick<LogEntry, 'namespace' | 'imageStreamName'>,
): boolean => sees(viewer, { namespace, name })

/** What a push is as a change of an image stream. */
export const TAG_PUSHED = 'TAG_PUSHED'

export type ChangeKind = StreamChange['kind'] | typeof TAG_PUSHED

export const kindOf = (entry: LogEntry): ChangeKind => (isPush(entry) ? TAG_PUSHED : entry.kind)

/** Criteria for entries. An absent one does not restrict; with `tag`, changes of whole streams do not match. */
export interface EntryFilter extends PushFilter {
  /** Kinds of changes; only pushes by default. */
  readonly kinds?: 'ALL' | readonly ChangeKind[] | undefined
}

/** Reports whether the filter selects nothing but pushes. */
export const isOfPushes = ({ kinds = [TAG_PUSHED] }: EntryFilter): boolean =>
  kinds !== 'ALL' && kinds.every((kind) => kind === TAG_PUSHED)

/** Reports whether the entry meets the criteria. */
export const matchesEntry = (entry: LogEntry, filter: EntryFilter): boolean => {
  const { kinds = [TAG_PUSHED] } = filter
  return (kinds === 'ALL' || kinds.includes(kindOf(entry))) && matchesPush(entry, filter)
}
