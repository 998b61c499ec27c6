import type { EntryFilter } from '../../events/log-entry.ts'
import { pushFilterOf } from './image-push.ts'
import { changeFilterOf } from './stream-change.ts'

type FilterOf = (args: Readonly<Record<string, unknown>>) => EntryFilter

/** The root fields that subscribe to the log, with the filter of their arguments as the schema coerces them. */
export const LOG_SUBSCRIPTIONS: Readonly<Record<'imagePushed' | 'imageStreamChanged', FilterOf>> = {
  imagePushed: (args) => pushFilterOf(args),
  imageStreamChanged: (args) => changeFilterOf(args),
}
