/** Milliseconds without a byte after which an upload is abandoned. */
const ABANDONED_AFTER = 24 * 60 * 60 * 1000

/** What happens to untagged manifests. */
export interface CollectionPolicy {
  /** Milliseconds after which untagged manifests are removed; null keeps them. */
  readonly untaggedAfter: number | null
  /** Number of the newest entries of each tag's history whose images are kept, with the current one. */
  readonly keepTagRevisions: number
}

/** Limits and policy at one moment; times are milliseconds since 1970. */
export interface CollectionTerms {
  /** Content that was confirmed from then on is kept in any case. */
  readonly leaseStart: number
  readonly untaggedBefore: number | null
  readonly abandonedBefore: number
  readonly keepTagRevisions: number
}

/** Returns the terms of a whole run: content that expires while it runs is kept. `lease` in milliseconds. */
export const collectionTermsAt = (now: number, lease: number, policy: CollectionPolicy): CollectionTerms => ({
  leaseStart: now - lease,
  untaggedBefore: policy.untaggedAfter === null ? null : now - policy.untaggedAfter,
  abandonedBefore: now - ABANDONED_AFTER,
  keepTagRevisions: Math.max(1, policy.keepTagRevisions),
})
