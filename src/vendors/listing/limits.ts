/** Limits of one listing. Times in milliseconds, sizes in bytes. */
export interface VendorLimits {
  /** Bytes of one response: some vendors send all tags in one. */
  readonly pageBytes: number
  readonly requests: number
  /** Limit of tags, and of earlier moves of tags. */
  readonly tags: number
  /** Time for one listing, including what its reader does between two pages. */
  readonly listingTime: number
  /** Time for which the vendor of a registry is cached. */
  readonly kindTime: number
  /** Size of each cache: vendors of registries, logins, and pages. */
  readonly remembered: number
}

export const DEFAULT_VENDOR_LIMITS: VendorLimits = {
  pageBytes: 16 * 1024 * 1024,
  requests: 1000,
  tags: 1_000_000,
  listingTime: 10 * 60_000,
  kindTime: 24 * 3_600_000,
  remembered: 1000,
}
