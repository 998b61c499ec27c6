import { type ClientOptions, createClient } from 'graphql-ws'
import { Environment, type GraphQLResponse, Network, Observable, RecordSource, Store } from 'relay-runtime'
import { RECONNECTING, resuming } from './resuming.ts'

/** Creates an environment. `url` is that of the API: `http://localhost:4000/graphql`. */
export function createRelayEnvironment(url: string, options?: Partial<ClientOptions>): Environment {
  const client = resuming(createClient({ url: url.replace('http', 'ws'), ...RECONNECTING, ...options }))
  const network = Network.create(
    async ({ text }, variables) => {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: text, variables }),
      })
      return response.json() as Promise<GraphQLResponse>
    },
    ({ text }, variables) =>
      Observable.create((sink) => client.subscribe({ query: text ?? '', variables }, sink as never)),
  )
  return new Environment({ network, store: new Store(new RecordSource()) })
}
