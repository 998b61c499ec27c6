import type { Head, Page, Pushed } from './documents.ts'

/** What a component shows. */
export interface Component<Data> {
  /** Undefined while data is missing. */
  readonly shown: Data | undefined
  /** Number of times that data was missing after it was complete. */
  readonly losses: number
}

/** Arguments of a page. */
export type PageArguments =
  | { readonly first: number; readonly after?: string }
  | { readonly last: number; readonly before?: string }

export type Labels = readonly { readonly key: string; readonly value: string }[]

/** A list of tags, to which pages are added. */
export interface PageComponent extends Component<Page> {
  /** Loads another page into the list. */
  more(page: PageArguments): Promise<void>
}

/** A client library with its cache, as an application uses it. */
export interface ClientApplication extends Disposable {
  head(): Promise<Component<Head>>
  page(page: PageArguments): Promise<PageComponent>
  /** Reads the stream again by its id. */
  refetch(id: string): Promise<void>
  /** Sets the labels of the stream, which are shown before the response has arrived. Throws if the mutation fails. */
  label(id: string, labels: Labels): Promise<void>
  /** Removes a tag, also from the cache. */
  untag(tag: string): Promise<void>
  /** Follows the pushes after a cursor. */
  follow(since: string, onPush: (push: Pushed['imagePushed']) => void): void
}

/** Counts losses: how often a component showed data, and then none. */
export class Losses {
  #isComplete = false
  count = 0

  note(isComplete: boolean): void {
    if (this.#isComplete && !isComplete) this.count++
    this.#isComplete = isComplete
  }
}
