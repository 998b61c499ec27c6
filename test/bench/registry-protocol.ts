/** How long a client goes on: so many operations, or so many seconds. */
export interface Amount {
  /** Connections, with one operation each at a time. */
  readonly atOnce: number
  readonly count?: number
  readonly seconds?: number
  /** Milliseconds of rest after each operation. */
  readonly rest?: number
}

/** Where to. */
interface Destination {
  /** Of the loopback address. */
  readonly port: number
  readonly repository: string
}

/** What a client process of the registry's benchmark does, one command after the other. */
export type Command =
  /** A config, a layer and the manifest `first` of both: what later manifests refer to. */
  | ({ readonly do: 'push image' } & Destination)
  /** New blobs: POST, PATCH with the whole body, PUT. */
  | ({ readonly do: 'push blobs'; readonly size: number } & Destination & Amount)
  /** Blobs that this client has pushed, in turn. */
  | ({ readonly do: 'pull blobs'; readonly size: number } & Destination & Amount)
  /** New image manifests, each by a tag of its own. */
  | ({ readonly do: 'push manifests' } & Destination & Amount)
  /** The image of `push image` by the tags `build-00000` and on. */
  | ({ readonly do: 'push tags' } & Destination & Amount)
  /** Manifests that this client has pushed, by tag and by digest in turn. */
  | ({ readonly do: 'read manifests'; readonly method: 'GET' | 'HEAD' } & Destination & Amount)
  /** The tags of `push tags`: all, or a page of so many from anywhere among them. */
  | ({ readonly do: 'list tags'; readonly page?: number } & Destination & Amount)
  /** A small GraphQL query for the repository's image stream. */
  | ({ readonly do: 'query' } & Destination & Amount)

/** What it took. */
export interface Measured {
  readonly count: number
  /** Milliseconds, from the first operation's begin to the last one's end. */
  readonly ms: number
  /** Milliseconds of one operation. */
  readonly median: number
  readonly p99: number
  readonly longest: number
}

export type Reply = { readonly measured: Measured } | { readonly error: string }

export const MEBIBYTE = 1024 * 1024

/** The tag of `push tags` with this number; in the order of the numbers also as text. */
export const numberedTag = (number: number): string => `build-${String(number).padStart(5, '0')}`
