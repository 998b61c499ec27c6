/** Duration of a measurement: a number of operations, or of seconds. */
export interface Amount {
  /** Number of connections, with one operation each at a time. */
  readonly atOnce: number
  readonly count?: number
  readonly seconds?: number
  /** Milliseconds of pause after each operation. */
  readonly rest?: number
}

/** Repository on a server. */
interface Destination {
  /** Port on the loopback address. */
  readonly port: number
  readonly repository: string
}

/** A command for a client process of the registry's benchmark. */
export type Command =
  /** Pushes a config, a layer and the manifest `first` of both; later manifests refer to them. */
  | ({ readonly do: 'push image' } & Destination)
  /** Pushes new blobs: POST, PATCH with the whole body, PUT. */
  | ({ readonly do: 'push blobs'; readonly size: number } & Destination & Amount)
  /** Pulls the blobs that this client has pushed, in turn. */
  | ({ readonly do: 'pull blobs'; readonly size: number } & Destination & Amount)
  /** Pushes new image manifests, each with its own tag. */
  | ({ readonly do: 'push manifests' } & Destination & Amount)
  /** Pushes the image of `push image` with the tags `build-00000` and following. */
  | ({ readonly do: 'push tags' } & Destination & Amount)
  /** Reads the manifests that this client has pushed, by tag and by digest in turn. */
  | ({ readonly do: 'read manifests'; readonly method: 'GET' | 'HEAD' } & Destination & Amount)
  /** Looks for content that does not exist, as clients do before a push. */
  | ({ readonly do: 'look for'; readonly missing: 'blobs' | 'manifests' } & Destination & Amount)
  /** Lists the tags of `push tags`: all, or a page of this size from a random position. */
  | ({ readonly do: 'list tags'; readonly page?: number } & Destination & Amount)
  /** Sends a small GraphQL query for the repository's image stream. */
  | ({ readonly do: 'query' } & Destination & Amount)

/** Duration of the operations. */
export interface Measured {
  readonly count: number
  /** Milliseconds from the start of the first operation to the end of the last one. */
  readonly ms: number
  /** Milliseconds of one operation. */
  readonly median: number
  readonly p99: number
  readonly longest: number
}

export type Reply = { readonly measured: Measured } | { readonly error: string }

export const MEBIBYTE = 1024 * 1024

/** Returns the tag of `push tags` with this number; text order is number order. */
export const numberedTag = (number: number): string => `build-${String(number).padStart(5, '0')}`
