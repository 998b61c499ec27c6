import type { Credential } from '../../remote/login/credentials.ts'
import type { ToldMove, ToldTag } from './claims.ts'
import type { Desk } from './desk.ts'

/** The vendors whose listings are known, as configurations name them. */
export const VENDOR_KINDS = [
  'DOCKER_HUB',
  'QUAY',
  'GOOGLE',
  'GITHUB',
  'AZURE',
  'ECR',
  'HARBOR',
  'GITLAB',
  'JFROG',
  'ZOT',
] as const

export type VendorKind = (typeof VENDOR_KINDS)[number]

/** A page as the vendor tells it, nothing of it believed yet. */
export interface ToldPage {
  readonly tags: readonly ToldTag[]
  /** Entries of whatever kind that the vendor sent. */
  readonly entries: number
  /** Tags in all, where it says. */
  readonly total: number | null
  readonly moves?: readonly ToldMove[]
  /** Whether it says that there is no more. */
  readonly isComplete: boolean
}

/** How the listing of one vendor is asked for and read. */
export interface Vendor {
  /** As people call it. */
  readonly title: string
  readonly newestFirst: boolean
  /** Whether it tells anything of the repository to whom has this credential; null is anybody. */
  serves(repository: string, credential: Credential | null): boolean
  /** Throws RegistryError, OddShapeError, TooLongError, or the signal's reason once it is aborted. */
  pages(desk: Desk): AsyncGenerator<ToldPage, void, undefined>
}
