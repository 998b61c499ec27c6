/** Reasons why a tag cannot be chosen; nearest to being chosen first. */
export const EXCLUSION_REASONS = [
  'PRERELEASE',
  'OUT_OF_RANGE',
  'NO_CREATION_TIME',
  'NO_IMAGE',
  'FOLLOWS',
  'NOT_A_VERSION',
  'NOT_A_NUMBER',
  'FILTERED',
] as const
export type ExclusionReason = (typeof EXCLUSION_REASONS)[number]
