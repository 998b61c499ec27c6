/** How long what nobody names is kept all the same. */
export interface CollectionLimits {
  /** Milliseconds that content is kept after a client was last told that it is here. */
  readonly lease: number
  /** Milliseconds without a byte after which an upload counts as given up. */
  readonly abandonedAfter: number
}

/** What is done with manifests that no tag means. */
export interface CollectionPolicy {
  /** Milliseconds after which they go; null keeps them for good. */
  readonly untaggedAfter: number | null
  /** Of each tag so many of its newest events keep their images, the present one included. */
  readonly keepTagRevisions: number
}

/** Limits and policy at one moment; times are milliseconds since 1970. */
export interface Terms {
  /** What was confirmed from then on is kept, whatever else is true of it. */
  readonly leaseStart: number
  readonly untaggedBefore: number | null
  readonly abandonedBefore: number
  readonly keepTagRevisions: number
}

/** One moment for a whole run: while the clock goes on, the run only keeps more than it must. */
export const termsAt = (now: number, limits: CollectionLimits, policy: CollectionPolicy): Terms => ({
  leaseStart: now - limits.lease,
  untaggedBefore: policy.untaggedAfter === null ? null : now - policy.untaggedAfter,
  abandonedBefore: now - limits.abandonedAfter,
  keepTagRevisions: Math.max(1, policy.keepTagRevisions),
})
