/** What is known of the images that were set in a container. */
export interface Contest {
  /** The image that was last set; null for none. */
  readonly appliedImage: string | null
  /** Number of times that a field manager replaced it since `revertedSince`. */
  readonly revertCount: number
  readonly revertedBy: string | null
  /** Milliseconds since 1970. */
  readonly revertedSince: number | null
}

/** Replacements within CONTEST_PERIOD after which an image is no longer set. */
export const MAX_REVERTS = 3
/** Milliseconds. */
export const CONTEST_PERIOD = 3_600_000

/** Returns the state after an image was set that is not contested. */
export const applied = (image: string): Contest => ({
  appliedImage: image,
  revertCount: 0,
  revertedBy: null,
  revertedSince: null,
})

/** Reports whether the image is no longer to be set in the container. */
export const isContested = ({ appliedImage, revertCount }: Contest, image: string): boolean =>
  appliedImage === image && revertCount >= MAX_REVERTS

/**
 * Returns the state before an image is set where it is not. `manager` has replaced it since it was last set; undefined if no
 * other did. Only replacements by one manager within a period count together.
 */
export function afterReplacement(
  contest: Contest,
  {
    image,
    manager,
    now,
  }: { readonly image: string; readonly manager: string | undefined; readonly now: number },
): Contest {
  if (contest.appliedImage !== image) return applied(image)
  if (manager === undefined || isContested(contest, image)) return contest
  const { revertedBy, revertedSince, revertCount } = contest
  const isSame = revertedBy === manager && revertedSince !== null && now - revertedSince < CONTEST_PERIOD
  return {
    appliedImage: image,
    revertCount: isSame ? revertCount + 1 : 1,
    revertedBy: manager,
    revertedSince: isSame ? revertedSince : now,
  }
}
