import { type ClientOptions, createClient } from 'graphql-sse'
import type { Client } from 'graphql-ws'
import { resuming } from './resuming.ts'

/** Creates a client that follows subscriptions over server-sent events. */
export const createEventStreamClient = (
  url: string,
  options?: Partial<ClientOptions>,
): Pick<Client, 'subscribe'> =>
  resuming(createClient({ url, retryAttempts: Infinity, ...options }) as Pick<Client, 'subscribe'>)
