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

/** A subscriber that keeps every push after its start. `url` is the server's. */
export class RegistryFeed implements Disposable {
  readonly #pushes: RegistryPush[] = []
  readonly #follower: Follower<RegistryPush>

  private constructor(follower: Follower<RegistryPush>) {
    this.#follower = follower
  }

  static async start(url: string): Promise<RegistryFeed> {
    const feed = new RegistryFeed(await Follower.start<RegistryPush>(url, {}, REGISTRY_PUSH))
    void feed.#receive()
    return feed
  }

  /** Returns all received pushes in order, after one round trip: a push is acknowledged (201) after it is sent. */
  async pushes(): Promise<readonly RegistryPush[]> {
    await this.#follower.roundTrip()
    return [...this.#pushes]
  }

  [Symbol.dispose](): void {
    this.#follower[Symbol.dispose]()
  }

  async #receive(): Promise<void> {
    for await (const push of this.#follower) this.#pushes.push(push)
  }
}
