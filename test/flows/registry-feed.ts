import { connect } from '../fixtures/graphql-client.ts'
import { Follower } from './follower.ts'
import { PUSH, type Push } from './operations.ts'

// Details of the pushes that a subscriber of the integrated registry receives.

export interface PushedImage {
  readonly digest: string
  readonly mediaType: string
  /** Bytes. */
  readonly size: number | null
  readonly platform: { readonly os: string; readonly architecture: string } | null
  readonly config: {
    readonly env: readonly string[]
    readonly entrypoint: readonly string[] | null
    readonly labels: readonly { readonly key: string; readonly value: string }[]
  } | null
  readonly layers: readonly { readonly digest: string }[]
  readonly entries: readonly { readonly digest: string; readonly platform: PushedImage['platform'] }[]
}

export interface RegistryPush extends Push {
  readonly namespace: string
  readonly source: string
  readonly dockerImageReference: string
  readonly image: PushedImage
}

const PLATFORM = 'platform { os architecture }'
const REGISTRY_PUSH = `${PUSH} namespace source dockerImageReference image {
  mediaType size ${PLATFORM} config { env entrypoint labels { key value } } layers { digest }
  entries { digest ${PLATFORM} }
}`

const NEWEST = '{ imagePushes(last: 1) { nodes { cursor } } }'

/** Returns the cursor of the newest push in the log; undefined without one. */
async function newestPush(url: string): Promise<string | undefined> {
  await using client = connect(url)
  const { imagePushes } = await client.request<{ imagePushes: { nodes: { cursor: string }[] } }>(NEWEST)
  return imagePushes.nodes[0]?.cursor
}

/** A subscriber that keeps every push after its start. `url` is the server's. */
export class RegistryFeed implements Disposable {
  readonly #url: string
  readonly #follower: Follower<RegistryPush>
  readonly #pushes: RegistryPush[] = []
  /** Cursor of the newest push before the start, then of the last that was received. */
  #last: string | undefined

  private constructor(url: string, follower: Follower<RegistryPush>, last: string | undefined) {
    this.#url = url
    this.#follower = follower
    this.#last = last
  }

  static async start(url: string): Promise<RegistryFeed> {
    const last = await newestPush(url)
    return new RegistryFeed(url, await Follower.start<RegistryPush>(url, {}, REGISTRY_PUSH), last)
  }

  /** Returns all pushes in the log since the start, in order, once they were received. */
  async pushes(): Promise<readonly RegistryPush[]> {
    const newest = await newestPush(this.#url)
    while (this.#last !== newest) {
      const [push] = await this.#follower.take(1)
      if (push) this.#pushes.push(push)
      this.#last = push?.cursor
    }
    return [...this.#pushes]
  }

  [Symbol.dispose](): void {
    this.#follower[Symbol.dispose]()
  }
}
