/** Bytes of memory that an upload needs while it arrives; the blob store limits those of all uploads that are not on disk yet. */
export const UPLOAD_MEMORY = 64 * 1024

/** Limits on requests and responses, and how long confirmed content is kept. */
export interface RegistryLimits {
  /** Bytes of the largest blob. */
  readonly maximumBlobBytes: number
  /** Milliseconds that content is kept after the registry confirmed it to a client. */
  readonly lease: number
  /**
   * Milliseconds without a byte to a client before its request ends, and for a manifest to arrive. An upload ends, and
   * keeps the bytes received so far, when fewer than `slowestUpload` bytes arrive per second in such a period.
   */
  readonly idle: number
  readonly slowestUpload: number
  /** Milliseconds without a byte after which an upload is removed when the quota of its namespace has no room. */
  readonly abandoned: number
  /** Maximum number of tags on a page. */
  readonly tagPageSize: number
  /** Maximum number of repositories on a page of the catalog. */
  readonly catalogPageSize: number
  /** Maximum number of descriptors on a page of referrers. */
  readonly referrerPageSize: number
}

const GIBIBYTE = 1024 ** 3
const SECOND = 1_000
const HOUR = 3_600 * SECOND

export const DEFAULT_LIMITS: RegistryLimits = {
  maximumBlobBytes: 20 * GIBIBYTE,
  lease: 24 * HOUR,
  idle: 60 * SECOND,
  slowestUpload: 256,
  abandoned: 600 * SECOND,
  tagPageSize: 10_000,
  catalogPageSize: 1_000,
  referrerPageSize: 1_000,
}

/**
 * Returns the milliseconds after the time stored with a row for which its content is kept. A read updates that time only
 * when it is older than half the lease.
 */
export const storedLease = ({ lease }: Pick<RegistryLimits, 'lease'>): number => 1.5 * lease
