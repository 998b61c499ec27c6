/** What one listing of a vendor's may cost. Milliseconds, bytes, or counts. */
export interface VendorLimits {
  /** Bytes of one answer: some vendors tell all in one. */
  readonly pageBytes: number
  /** Questions of one listing. */
  readonly requests: number
  /** Tags, and moves in the past, of one listing. */
  readonly tags: number
  /** Milliseconds for one listing, what its reader does between the pages included. */
  readonly listingTime: number
  /** Milliseconds that it is remembered what a registry is. */
  readonly kindTime: number
  /** Registries, logins and pages that are remembered, of each so many. */
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
