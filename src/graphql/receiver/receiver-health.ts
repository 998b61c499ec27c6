import { type Receiver, stateOf } from '../../receivers/receiver.ts'
import { enumType, objectType } from '../kit/types.ts'

const ReceiverStateEnum = enumType('ReceiverState', {
  description: 'State of a receiver.',
  values: {
    WAITING: 'No delivery was received yet.',
    HEALTHY: 'The last delivery was authentic and could be parsed.',
    SILENT: 'No delivery was received for three days. Periodic imports run as if there were no receiver.',
    FAILING: 'The last delivery could not be used; `trouble` contains the reason.',
    DISABLED: 'The receiver accepts no deliveries: its URL responds with 404.',
  },
})

/** The state and counters of a receiver. */
export const ReceiverHealthType = objectType<Receiver>('ReceiverHealth', {
  description: 'State of a receiver, with counters since its creation.',
  properties: (t) => ({
    trouble: t.stringOrNull(
      'Human-readable reason why the last delivery could not be used; null if it could.',
    ),
    accepted: t.int('Number of authenticated deliveries, including those that reported no change.'),
    acceptedAt: t.dateTimeOrNull('Time of the last authenticated delivery; null if there was none.'),
    refused: t.int('Number of deliveries that were not authentic.'),
    refusedAt: t.dateTimeOrNull('Time of the last delivery that was not authentic; null if there was none.'),
    announced: t.int('Number of changes of tags that a delivery reported and the registry confirmed.'),
    announcedAt: t.dateTimeOrNull(
      'Time at which the last reported change was confirmed; null if there was none.',
    ),
    missed: t.int(
      'Number of changes of tags in the receiver’s repositories that a periodic import found and no delivery had reported.',
    ),
    missedAt: t.dateTimeOrNull('Time at which the last unreported change was found; null if there was none.'),
  }),
  fields: (t) => ({
    state: t.field({
      type: ReceiverStateEnum,
      description: 'State of the receiver.',
      resolve: (receiver, _args, { receivers }) => stateOf(receiver, receivers.now()),
    }),
  }),
})
