/** What one client may use of the registry, and how long what it was told stays true. */
export interface RegistryLimits {
  /** Bytes of the largest blob. */
  readonly maximumBlobBytes: number
  /** Milliseconds that content is kept after a client was told that it is here. */
  readonly lease: number
  /** Milliseconds without a byte from (or to) a client before its request is ended; an upload keeps what came. */
  readonly idle: number
  /** Tags of one page, also for who asks for more or for all. */
  readonly tagPageSize: number
  /** Repositories of one page of the catalog. */
  readonly catalogPageSize: number
  /** Descriptors of one page of referrers. */
  readonly referrerPageSize: number
}

const GIBIBYTE = 1024 ** 3
const SECOND = 1_000
const HOUR = 3_600 * SECOND

export const DEFAULT_LIMITS: RegistryLimits = {
  maximumBlobBytes: 20 * GIBIBYTE,
  lease: 24 * HOUR,
  idle: 60 * SECOND,
  tagPageSize: 10_000,
  catalogPageSize: 1_000,
  referrerPageSize: 1_000,
}
