import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, type TypePolicies } from '@apollo/client'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { relayStylePagination } from '@apollo/client/utilities'
import { OperationTypeNode } from 'graphql'
import { type ClientOptions, createClient } from 'graphql-ws'
import { CONNECTIONS, VALUES } from './cache-rules.ts'
import { RECONNECTING, resuming } from './resuming.ts'

const typePolicies: TypePolicies = Object.fromEntries(VALUES.map((type) => [type, { merge: true }]))
for (const [type, fields] of Object.entries(CONNECTIONS)) {
  // pages of a list are one list, apart from those with other filters
  const pages = Object.entries(fields).map(([field, filters]) => [field, relayStylePagination([...filters])])
  typePolicies[type] = { ...typePolicies[type], fields: Object.fromEntries(pages) }
}

/** Creates a client. `url` is that of the API: `http://localhost:4000/graphql`. */
export function createApolloClient(url: string, options?: Partial<ClientOptions>): ApolloClient {
  const sockets = createClient({ url: url.replace('http', 'ws'), ...RECONNECTING, ...options })
  return new ApolloClient({
    cache: new InMemoryCache({ typePolicies }),
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(resuming(sockets)),
      new HttpLink({ uri: url }),
    ),
  })
}
