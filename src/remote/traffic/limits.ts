/** Limits of the requests to one registry. Milliseconds, bytes, or counts. */
export interface RemoteLimits {
  /** Requests to one host at a time. */
  readonly requestsPerHost: number
  /** Attempts of one request, the first included. */
  readonly tries: number
  /** Milliseconds before the second attempt; doubled before each further one. */
  readonly retryDelay: number
  /** Milliseconds that one request waits in all after refusals; a longer pause fails it at once. */
  readonly longestPause: number
  /** Consecutive failed requests after which the circuit of a host opens. */
  readonly failures: number
  /** Milliseconds that the circuit is open the first time; doubled after each failed probe, up to `longestOpen`. */
  readonly firstOpen: number
  readonly longestOpen: number
  /** Milliseconds for which an account sends no request after a 429 without `Retry-After`; doubled by each further one. */
  readonly firstBackOff: number
  /** Fraction of a quota that scheduled requests leave to webhooks and API clients. */
  readonly reserve: number
  /** Tags requested per page. */
  readonly pageSize: number
  /** Bytes of one page of tags. */
  readonly pageBytes: number
  /** Pages of one list. */
  readonly pages: number
  /** Tags of one list. */
  readonly tags: number
  /** Milliseconds for one list, including the time that its reader spends between pages. */
  readonly listingTime: number
  /** Range requests that resume one interrupted blob. */
  readonly resumptions: number
  /** Milliseconds for a blob of any size; a larger blob has more time, by `blobRate` bytes a second. */
  readonly blobTime: number
  readonly blobRate: number
  /** Bytes of a blob that are uploaded by one request. */
  readonly uploadChunk: number
  /** Hosts whose hints, circuit breakers and budgets are remembered. */
  readonly hosts: number
}

export const DEFAULT_LIMITS: RemoteLimits = {
  requestsPerHost: 10,
  tries: 3,
  retryDelay: 250,
  longestPause: 20_000,
  failures: 5,
  firstOpen: 5_000,
  longestOpen: 5 * 60_000,
  firstBackOff: 2_000,
  reserve: 0.1,
  pageSize: 1000,
  pageBytes: 16 * 1024 * 1024,
  pages: 10_000,
  tags: 1_000_000,
  listingTime: 10 * 60_000,
  resumptions: 10,
  blobTime: 60_000,
  blobRate: 64 * 1024,
  uploadChunk: 16 * 1024 * 1024,
  hosts: 1000,
}
