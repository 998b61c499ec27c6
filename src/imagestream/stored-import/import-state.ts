import type { imports } from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import type { TagName } from '../../oci/tag.ts'
import type { TransientImage } from '../image/image.ts'

type ImportRow = typeof imports.$inferSelect

export type ImportResultState = 'IMPORTED' | 'UNCHANGED' | 'FAILED'

/** The columns of an import that only its results need. */
export const RESULT_COLUMNS = ['request', 'unchangedEvents', 'reindexedEvents'] as const

/** An import as it is stored, without its results. */
export type StoredImport = Omit<ImportRow, (typeof RESULT_COLUMNS)[number]>

/**
 * State of one import. The id of a dry run, which is not stored, is negative; `reason` and `message` say why the import
 * failed as a whole. Times are milliseconds since 1970.
 */
export interface Import extends Readonly<Omit<StoredImport, 'additionalTags'>> {
  readonly additionalTags: readonly TagName[]
}

/** Result of one tag. */
export interface ImportResult {
  readonly tag: TagName
  /** Sort key: results are sorted by importance. */
  readonly importance: string
  readonly state: ImportResultState
  readonly imageId: number | null
  /** Instead of `imageId`, for an image of a dry run that is not stored. */
  readonly image?: TransientImage
  readonly dockerImageReference: string | null
  readonly reason: FailureReason | null
  readonly message: string | null
  /** The tag event that was recorded, or that is still current; null for a failure and in a dry run. */
  readonly eventId: number | null
  /** In a dry run: the image that the tag points to now. */
  readonly previousImageId?: number | null
  /** Set when the registry has another index with the same image of this platform: see `reindexedPlatforms`. */
  readonly reindexed?: string | null
}

/** The unchanged tags of an import. */
export interface UnchangedTags {
  /** Tag events that are still current: the results of the unchanged tags. */
  readonly unchangedEvents: readonly number[]
  /** Those of them whose index changed: the other platforms that changed, null where unknown. */
  readonly reindexedEvents: ReadonlyMap<number, string | null>
}

/** Why a tag was not imported. */
export interface TagFailure {
  readonly reason: FailureReason
  readonly message: string
  /** Set where the registry responded that it does not serve the request for the tag by name: not that it refuses it for now. */
  readonly isUnanswerable?: true
}

/** A page of an import's results. */
export interface ResultPage {
  readonly tag?: TagName
  readonly state?: ImportResultState | undefined
  /** Its keys are [importance]. */
  readonly page: KeysetPage
}
