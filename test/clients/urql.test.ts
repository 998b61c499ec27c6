import { type AnyVariables, gql, type OperationResult } from '@urql/core'
import { introspectionFromSchema } from 'graphql'
import { createSchema } from '../../src/graphql/schema.ts'
import { type ClientApplication, type Labels, Losses } from './client.ts'
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
import { createUrqlClient } from './recipes/urql.ts'
import { SOCKETS } from './world.ts'

const schema = introspectionFromSchema(createSchema())

/** The result without an error. Throws the error. */
function dataOf<Data>({ data, error }: OperationResult<Data>): Data {
  if (error || data === undefined) throw error ?? new Error('the response has no data')
  return data
}

function start(url: string): ClientApplication {
  let labeledId = ''
  const client = createUrqlClient(url, {
    sockets: SOCKETS,
    cache: {
      schema,
      optimistic: {
        updateImageStream: ({ input }) => ({
          __typename: 'UpdateImageStreamPayload',
          imageStream: {
            __typename: 'ImageStream',
            id: labeledId,
            labels: (input as { labels: Labels }).labels.map((label) => ({
              __typename: 'KeyValue',
              ...label,
            })),
          },
        }),
      },
      updates: {
        Mutation: {
          untagImage({ untagImage }, _args, cache) {
            const { deletedId } = untagImage as Untagged['untagImage']
            cache.invalidate({ __typename: 'ImageStreamTag', id: deletedId })
          },
        },
      },
      // each warning is a rule that is missing in the recipe
      logger: (severity, message) => {
        if (severity !== 'debug') throw new Error(message)
      },
    },
  })
  const subscriptions: { unsubscribe(): void }[] = []

  /** Shows the results of a query. */
  async function watch<Data>(document: string, variables: AnyVariables = {}) {
    let shown: Data | undefined
    const losses = new Losses()
    const show = (variables: AnyVariables): Promise<void> =>
      new Promise((resolve) => {
        subscriptions.push(
          client.query<Data>(gql(document), variables).subscribe(({ data, error, stale }) => {
            if (error) throw error
            shown = data
            losses.note(data !== undefined)
            if (!stale) resolve()
          }),
        )
      })
    await show(variables)
    return {
      get shown() {
        return shown
      },
      get losses() {
        return losses.count
      },
      more: show,
    }
  }

  return {
    head: () => watch<Head>(HEAD),
    page: (page) => watch<Page>(PAGE, page),
    async refetch(id) {
      dataOf(await client.query(gql(REFETCH), { id }, { requestPolicy: 'network-only' }))
    },
    async label(id, labels) {
      labeledId = id
      dataOf(await client.mutation(gql(LABEL), { labels }))
    },
    async untag(tag) {
      dataOf(await client.mutation(gql(UNTAG), { tag }))
    },
    follow(since, onPush) {
      const pushes = client.subscription<Pushed>(gql(PUSHED), { since })
      subscriptions.push(pushes.subscribe((result) => onPush(dataOf(result).imagePushed)))
    },
    [Symbol.dispose]() {
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}

describeClient('urql with graphcache', start)
