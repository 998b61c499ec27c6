import type { ExecutionResult, GraphQLError } from 'graphql'
import type { PushMember, PushPage, PushReader, PushSubscription } from '../../graphql/live/push-hub.ts'
import type { WebSocketConnection } from './connection.ts'

/**
 * A subscription to pushes, as an iterator for graphql-ws. It yields no results, because the hub writes its pages
 * directly to the connection; it ends with the subscription.
 */
export class WebSocketSubscription
  implements PushReader, AsyncIterableIterator<ExecutionResult, undefined, undefined>
{
  readonly #connection: WebSocketConnection
  readonly #id: string
  #subscription: PushSubscription | undefined
  #member: PushMember | undefined
  #finish: (() => void) | undefined
  #reject: ((error: GraphQLError) => void) | undefined

  constructor(connection: WebSocketConnection, id: string, subscription: PushSubscription) {
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

  /** Starts reading on the first call. */
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
