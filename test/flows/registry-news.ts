import { Follower } from './follower.ts'
import { PUSH, type Push } from './operations.ts'

// What a subscriber of the integrated registry's pushes asks to be told.

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
  readonly manifests: readonly { readonly digest: string; readonly platform: PushedImage['platform'] }[]
}

export interface RegistryPush extends Push {
  readonly namespace: string
  readonly source: string
  readonly dockerImageReference: string
  readonly image: PushedImage
}

const PLATFORM = 'platform { os architecture }'
const NEWS = `${PUSH} namespace source dockerImageReference image {
  mediaType size ${PLATFORM} config { env entrypoint labels { key value } } layers { digest }
  manifests { digest ${PLATFORM} }
}`

/** Hears of every push from now on. `url` is the server's. */
export class Listener implements Disposable {
  readonly #heard: RegistryPush[] = []
  readonly #follower: Follower<RegistryPush>

  private constructor(follower: Follower<RegistryPush>) {
    this.#follower = follower
  }

  static async start(url: string): Promise<Listener> {
    const listener = new Listener(await Follower.start<RegistryPush>(url, {}, NEWS))
    void listener.#listen()
    return listener
  }

  /** All that it was told, in order, until one round trip from now: whoever pushes has waited longer for its 201. */
  async heard(): Promise<readonly RegistryPush[]> {
    await this.#follower.roundTrip()
    return [...this.#heard]
  }

  [Symbol.dispose](): void {
    this.#follower[Symbol.dispose]()
  }

  async #listen(): Promise<void> {
    for await (const push of this.#follower) this.#heard.push(push)
  }
}
