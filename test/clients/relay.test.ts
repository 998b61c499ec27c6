import {
  commitMutation,
  createOperationDescriptor,
  type Environment,
  fetchQuery,
  getSelector,
  type MutationParameters,
  type Disposable as RelayDisposable,
  requestSubscription,
  type Snapshot,
  type Variables,
} from 'relay-runtime'
import { type ClientApplication, Losses } from './client.ts'
import { describeClient } from './describe-client.ts'
import { HEAD, type Head, LABEL, type Page, PUSHED, type Pushed, REFETCH, UNTAG } from './documents.ts'
import { createRelayEnvironment } from './recipes/relay.ts'
import { type Artifacts, compileForRelay } from './relay-artifacts.ts'
import { SOCKETS } from './world.ts'

const VARIABLES = '$first: Int, $after: String, $last: Int, $before: String'
const TYPES = ['first', 'last'].map((name) => `${name}: { type: "Int" }`)
const CURSORS = ['after', 'before'].map((name) => `${name}: { type: "String" }`)

/** The page as a fragment that loads its next pages by the id of the stream. */
const PAGE_FRAGMENT = `fragment Page_imageStream on ImageStream
  @refetchable(queryName: "PageTagsQuery") @argumentDefinitions(${[...TYPES, ...CURSORS].join(', ')}) {
  id generation
  spec { importPolicy { scheduled importMode } }
  tags(first: $first, after: $after, last: $last, before: $before, orderBy: NEWEST_FIRST)
    @connection(key: "Page_tags") {
    edges { cursor node { id tag image { id digest size } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
query PageQuery(${VARIABLES}) { imageStream(name: "shop/app") {
  ...Page_imageStream @arguments(first: $first, after: $after, last: $last, before: $before)
} }`

const DOCUMENTS = {
  Head: HEAD,
  Page: PAGE_FRAGMENT,
  Refetch: REFETCH,
  Label: LABEL,
  Untag: UNTAG.replace('deletedId', 'deletedId @deleteRecord'),
  Pushed: PUSHED,
}
let compiled: Promise<Artifacts> | undefined

class RelayApplication implements ClientApplication {
  readonly #environment: Environment
  readonly #artifacts: Artifacts
  readonly #held: RelayDisposable[] = []

  constructor(url: string, artifacts: Artifacts) {
    this.#environment = createRelayEnvironment(url, SOCKETS)
    this.#artifacts = artifacts
  }

  async #fetch(name: string, variables: Variables): Promise<Snapshot> {
    const request = this.#artifacts.operation(name)
    const operation = createOperationDescriptor(request, variables)
    this.#held.push(this.#environment.retain(operation))
    await fetchQuery(this.#environment, request, variables).toPromise()
    return this.#environment.lookup(operation.fragment)
  }

  /** Shows what the store has, from now on. */
  #watch<Data>(first: Snapshot, toData: (read: unknown) => Data) {
    let snapshot = first
    const losses = new Losses()
    losses.note(!first.isMissingData)
    this.#held.push(
      this.#environment.subscribe(first, (next) => {
        snapshot = next
        losses.note(!next.isMissingData)
      }),
    )
    return {
      get shown(): Data | undefined {
        return snapshot.isMissingData ? undefined : toData(snapshot.data)
      },
      get losses() {
        return losses.count
      },
    }
  }

  async head() {
    return this.#watch(await this.#fetch('HeadQuery', {}), (read) => read as Head)
  }

  async page(page: Variables) {
    const { imageStream } = (await this.#fetch('PageQuery', page)).data as unknown as Page
    const selector = getSelector(this.#artifacts.fragment('Page_imageStream'), imageStream)
    if (selector?.kind !== 'SingularReaderSelector') throw new Error('the fragment selects one stream')
    const component = this.#watch(this.#environment.lookup(selector), (read) => ({
      imageStream: read as Page['imageStream'],
    }))
    const more = async (variables: Variables): Promise<void> => {
      const { id } = imageStream
      await this.#fetch('PageTagsQuery', { id: id ?? component.shown?.imageStream.id, ...variables })
    }
    return Object.defineProperties({ more }, Object.getOwnPropertyDescriptors(component)) as never
  }

  async refetch(id: string) {
    await this.#fetch('RefetchQuery', { id })
  }

  label(id: string, labels: readonly object[]): Promise<void> {
    const optimisticResponse = { updateImageStream: { imageStream: { id, labels } } }
    return this.#commit('LabelMutation', { labels }, optimisticResponse)
  }

  untag(tag: string): Promise<void> {
    return this.#commit('UntagMutation', { tag })
  }

  #commit(name: string, variables: Variables, optimisticResponse?: Record<string, unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      commitMutation<MutationParameters & { readonly rawResponse: Record<string, unknown> }>(
        this.#environment,
        {
          mutation: this.#artifacts.operation(name),
          variables,
          ...(optimisticResponse && { optimisticResponse }),
          onCompleted: () => resolve(),
          onError: reject,
        },
      )
    })
  }

  follow(since: string, onPush: (push: Pushed['imagePushed']) => void): void {
    this.#held.push(
      requestSubscription(this.#environment, {
        subscription: this.#artifacts.operation('PushedSubscription'),
        variables: { since },
        onNext: (data) => onPush((data as Pushed).imagePushed),
      }),
    )
  }

  [Symbol.dispose](): void {
    for (const held of this.#held) held.dispose()
  }
}

describeClient('Relay', async (url) => {
  compiled ??= compileForRelay(DOCUMENTS)
  return new RelayApplication(url, await compiled)
})
