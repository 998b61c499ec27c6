/** What one registry may cost us. Milliseconds, bytes, or counts. */
export interface RemoteLimits {
  /** Requests to one host at a time. */
  readonly requestsPerHost: number
  /** How often a request is sent before its failure counts, the first time included. */
  readonly tries: number
  /** Milliseconds before the second try; doubled before each one after. */
  readonly retryDelay: number
  /** Milliseconds that one request waits for `Retry-After` in all; for a longer one it is TooManyRequests at once. */
  readonly longestPause: number
  /** Requests to a host that fail in a row before it is left alone. */
  readonly failures: number
  /** Milliseconds that it is left alone then; doubled each time that it still fails, up to the longest. */
  readonly firstRest: number
  readonly longestRest: number
  /** Part of what a host gives in its window that schedules leave to webhooks and people. */
  readonly reserve: number
  /** Tags asked for in one page. */
  readonly pageSize: number
  /** Bytes of one page of tags. */
  readonly pageBytes: number
  /** Pages of one listing. */
  readonly pages: number
  /** Tags of one listing. */
  readonly tags: number
  /** Milliseconds for one listing, what its reader does between the pages included. */
  readonly listingTime: number
  /** How often a blob that broke off is asked for again, from where it broke off. */
  readonly resumptions: number
  /** Milliseconds for a blob of any size, and the bytes a second that give a larger one more. */
  readonly blobTime: number
  readonly blobRate: number
  /** Hosts whose scheme, challenge and tokens, and whose breaker and budgets are remembered. */
  readonly hosts: number
}

export const DEFAULT_LIMITS: RemoteLimits = {
  requestsPerHost: 10,
  tries: 3,
  retryDelay: 250,
  longestPause: 20_000,
  failures: 5,
  firstRest: 5_000,
  longestRest: 5 * 60_000,
  reserve: 0.1,
  pageSize: 1000,
  pageBytes: 16 * 1024 * 1024,
  pages: 10_000,
  tags: 1_000_000,
  listingTime: 10 * 60_000,
  resumptions: 10,
  blobTime: 60_000,
  blobRate: 64 * 1024,
  hosts: 1000,
}
