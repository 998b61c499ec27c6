import type { GraphQLContext } from '../../graphql/kit/context.ts'
import type { ChangeSubscription } from '../../graphql/live/change-hub.ts'
import type { OperationRecord } from '../request/request-record.ts'

/** The resolvers' context, with what only an operation over HTTP has. */
export interface OperationContext extends GraphQLContext {
  /** `Last-Event-ID`: the cursor at which a broken event stream ended. */
  readonly lastEventId?: string | undefined
  /** Filled with what the log and the metrics have about it. */
  readonly operation?: OperationRecord
  /**
   * Filled with what the transport sends itself: the entries of a subscription to the change log, or the text of a long result, whose
   * response has no body.
   */
  readonly taken?: { changes?: ChangeSubscription; result?: string }
}
