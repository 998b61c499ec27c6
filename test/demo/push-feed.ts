import type { GraphQLClient } from '../fixtures/graphql-client.ts'

export interface Push {
  readonly cursor: string
  readonly tag: string
  readonly image: { readonly digest: string }
  readonly previousImage: { readonly digest: string } | null
}

const PUSHED = `subscription ($since: String!) {
  imagePushed(since: $since) { cursor tag image { digest } previousImage { digest } }
}`

/** A subscription that stays open and keeps the pushes it received. */
export class PushFeed {
  readonly seen: Push[] = []
  #arrived: () => void = () => {}
  #failure: unknown

  constructor(client: GraphQLClient, since: string) {
    this.#listen(client, since).catch((error: unknown) => {
      this.#failure = error
      this.#arrived()
    })
  }

  /** Resolves with the next `count` pushes. */
  async next(count: number): Promise<readonly Push[]> {
    const from = this.#taken
    while (this.seen.length < from + count && !this.#failure) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve
      })
    }
    if (this.#failure) throw this.#failure
    this.#taken = from + count
    return this.seen.slice(from, this.#taken)
  }
  #taken = 0

  async #listen(client: GraphQLClient, since: string): Promise<void> {
    for await (const { imagePushed } of client.follow<{ imagePushed: Push }>(PUSHED, { since })) {
      this.seen.push(imagePushed)
      this.#arrived()
    }
  }
}
