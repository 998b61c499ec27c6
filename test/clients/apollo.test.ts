import { gql, type OperationVariables } from '@apollo/client'
import type { ClientApplication } from './client.ts'
import { Losses } from './client.ts'
import { describeClient } from './describe-client.ts'
import {
  HEAD,
  type Head,
  LABEL,
  PAGE,
  type Page,
  PUSHED,
  type Pushed,
  REFETCH,
  UNTAG,
  type Untagged,
} from './documents.ts'
import { createApolloClient } from './recipes/apollo.ts'
import { SOCKETS } from './world.ts'

function start(url: string): ClientApplication {
  const client = createApolloClient(url, SOCKETS)
  const subscriptions: { unsubscribe(): void }[] = []

  async function watch<Data>(document: string, variables: OperationVariables = {}) {
    const query = client.watchQuery<Data>({ query: gql(document), variables })
    const losses = new Losses()
    await new Promise<void>((resolve) => {
      const subscription = query.subscribe(({ dataState, loading }) => {
        losses.note(dataState === 'complete')
        if (!loading) resolve()
      })
      subscriptions.push(subscription)
    })
    return {
      query,
      component: {
        get shown(): Data | undefined {
          const { data, dataState } = query.getCurrentResult()
          return dataState === 'complete' ? (data as Data) : undefined
        },
        get losses() {
          return losses.count
        },
      },
    }
  }

  return {
    head: async () => (await watch<Head>(HEAD)).component,
    async page(page) {
      const { query, component } = await watch<Page>(PAGE, page)
      const more = async (variables: OperationVariables): Promise<void> => {
        await query.fetchMore({ variables })
      }
      return Object.defineProperties({ more }, Object.getOwnPropertyDescriptors(component)) as never
    },
    async refetch(id) {
      await client.query({ query: gql(REFETCH), variables: { id }, fetchPolicy: 'network-only' })
    },
    async label(id, labels) {
      await client.mutate({
        mutation: gql(LABEL),
        variables: { labels },
        optimisticResponse: {
          updateImageStream: {
            __typename: 'UpdateImageStreamPayload',
            imageStream: {
              __typename: 'ImageStream',
              id,
              labels: labels.map((label) => ({ __typename: 'KeyValue', ...label })),
            },
          },
        },
      })
    },
    async untag(tag) {
      await client.mutate<Untagged>({
        mutation: gql(UNTAG),
        variables: { tag },
        update(cache, { data }) {
          const deleted = { __typename: 'ImageStreamTag', id: data?.untagImage.deletedId }
          cache.evict({ id: cache.identify(deleted) ?? '' })
        },
      })
    },
    follow(since, onPush) {
      const pushes = client.subscribe<Pushed>({ query: gql(PUSHED), variables: { since } })
      subscriptions.push(pushes.subscribe(({ data }) => data && onPush(data.imagePushed)))
    },
    [Symbol.dispose]() {
      for (const subscription of subscriptions) subscription.unsubscribe()
      client.stop()
    },
  }
}

describeClient('Apollo Client', start)
