import { Client, type ExecutionResult, fetchExchange, subscriptionExchange } from '@urql/core'
import { type CacheExchangeOpts, cacheExchange } from '@urql/exchange-graphcache'
import { relayPagination } from '@urql/exchange-graphcache/extras'
import { type ClientOptions, createClient } from 'graphql-ws'
import { CONNECTIONS, VALUES } from './cache-rules.ts'
import { RECONNECTING, resuming } from './resuming.ts'

const resolvers = Object.fromEntries(
  Object.entries(CONNECTIONS).map(([type, fields]) => [
    type,
    Object.fromEntries(Object.keys(fields).map((field) => [field, relayPagination()])),
  ]),
)
const keys = Object.fromEntries(VALUES.map((type) => [type, () => null]))

/** Creates a client. `url` is that of the API: `http://localhost:4000/graphql`; `schema` is its introspection. */
export function createUrqlClient(
  url: string,
  { cache, sockets }: { cache: CacheExchangeOpts; sockets?: Partial<ClientOptions> },
): Client {
  const client = resuming(createClient({ url: url.replace('http', 'ws'), ...RECONNECTING, ...sockets }))
  return new Client({
    url,
    preferGetMethod: false,
    exchanges: [
      cacheExchange({ keys, resolvers, ...cache }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: client.subscribe(
              { query, variables },
              { ...sink, next: (result) => sink.next(result as ExecutionResult) },
            ),
          }),
        }),
      }),
    ],
  })
}
