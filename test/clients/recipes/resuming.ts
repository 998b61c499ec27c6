import type { Client, ClientOptions } from 'graphql-ws'

/** Options for graphql-ws: it connects again after every loss, also when the server cannot be reached for a while. */
export const RECONNECTING = {
  retryAttempts: Infinity,
  shouldRetry: () => true,
} satisfies Partial<ClientOptions>

/**
 * Returns a client whose subscriptions continue after their last cursor when the connection was lost: without gap, without
 * duplicate. It works with the clients of graphql-ws and graphql-sse, which send the payload again after each reconnect.
 */
export const resuming = <Subscriber extends Pick<Client, 'subscribe'>>(client: Subscriber): Subscriber => ({
  ...client,
  subscribe: (payload, sink) => {
    const variables = { ...payload.variables }
    return client.subscribe(
      { ...payload, variables },
      {
        next(result) {
          for (const event of Object.values(result.data ?? {})) {
            const { cursor } = event as { cursor?: string }
            if (cursor !== undefined) variables.since = cursor
          }
          sink.next(result as never)
        },
        error: (error) => sink.error(error),
        complete: () => sink.complete(),
      },
    )
  },
})
