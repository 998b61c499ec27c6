/** Why content is kept: all reasons of both collectors, `images` and `blobs`. */
export type KeptReason =
  /** A tag points to it. */
  | 'TAGGED'
  /** A kept entry of a tag's history has it. */
  | 'IN_HISTORY'
  /** A workload of a cluster runs or specifies it. */
  | 'RUNNING'
  /** A tag of another stream was imported from this repository, and its pull spec names it there. */
  | 'TAGGED_ELSEWHERE'
  /** A repository of the integrated registry has it. */
  | 'IN_REPOSITORY'
  /** An entry of the change log has it, as the new or the previous image. */
  | 'IN_CHANGE_LOG'
  /** It was stored or confirmed to a client too recently. */
  | 'YOUNG'
  /** It was only imported, and the prune removes pushed images only. */
  | 'IMPORTED'
  /** A kept index lists it. */
  | 'CHILD'
  /** Its subject is kept. */
  | 'REFERRER'
  /** It is the index from which a tag's image was chosen. */
  | 'CHOSEN_FROM'
  /** No tag points to it, and the policy keeps untagged content. */
  | 'UNTAGGED_KEPT'

/** Why an image is kept in the database. */
export type ImageKeptReason = Exclude<KeptReason, 'TAGGED_ELSEWHERE' | 'REFERRER' | 'UNTAGGED_KEPT'>

/** Why a manifest is kept in its repository. */
export type ManifestKeptReason = Exclude<
  KeptReason,
  'IN_REPOSITORY' | 'IN_CHANGE_LOG' | 'IMPORTED' | 'CHOSEN_FROM'
>

/** Returns the counts of a run that has kept no image yet. */
export const noImagesKept = (): Record<ImageKeptReason, number> => ({
  TAGGED: 0,
  IN_HISTORY: 0,
  RUNNING: 0,
  IN_REPOSITORY: 0,
  IN_CHANGE_LOG: 0,
  YOUNG: 0,
  IMPORTED: 0,
  CHILD: 0,
  CHOSEN_FROM: 0,
})

/** Returns the counts of a run that has kept no manifest yet. */
export const noManifestsKept = (): Record<ManifestKeptReason, number> => ({
  TAGGED: 0,
  IN_HISTORY: 0,
  RUNNING: 0,
  TAGGED_ELSEWHERE: 0,
  CHILD: 0,
  REFERRER: 0,
  YOUNG: 0,
  UNTAGGED_KEPT: 0,
})
