import type { ExecutionResult, GraphQLError } from 'graphql'
import type { PushMember, PushPage, PushReader, PushSubscription } from '../../graphql/live/push-hub.ts'
import type { Connection } from './websocket-connection.ts'

/**
 * A subscription to pushes as graphql-ws sees it: results that never come, because the pages of the hub go to the
 * connection past it; and an end.
 */
export class SocketSubscription
  implements PushReader, AsyncIterableIterator<ExecutionResult, undefined, undefined>
{
  readonly #connection: Connection
  readonly #id: string
  #subscription: PushSubscription | undefined
  #member: PushMember | undefined
  #finish: (() => void) | undefined
  #reject: ((error: GraphQLError) => void) | undefined

  constructor(connection: Connection, id: string, subscription: PushSubscription) {
    this.#connection = connection
    this.#id = id
    this.#subscription = subscription
  }

  take(page: PushPage): boolean {
    return this.#member === undefined || this.#connection.sendPage(this.#id, page, this.#member)
  }

  fail(error: GraphQLError): void {
    this.#reject?.(error)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Starts on the first call. */
  next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    return new Promise((resolve, reject) => {
      this.#finish = () => resolve({ done: true, value: undefined })
      this.#reject = reject
      this.#member ??= this.#subscription?.read(this)
      this.#subscription = undefined
    })
  }

  return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    this.#member?.leave()
    this.#finish?.()
    return Promise.resolve({ done: true, value: undefined })
  }
}
