import type { Credential } from '../../remote/login/credentials.ts'
import type { RawMove, RawTag } from './collect-claims.ts'
import type { VendorClient } from './vendor-client.ts'

/** Vendors with a listing, by their names in registry configurations. */
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

/** A page as the vendor sent it, not validated. */
export interface RawPage {
  readonly tags: readonly RawTag[]
  /** Number of entries in the response, of any kind. */
  readonly entries: number
  /** Number of all tags; null when the vendor does not report it. */
  readonly total: number | null
  readonly moves?: readonly RawMove[]
  /** True when the vendor reports that this is the last page. */
  readonly isComplete: boolean
}

/** Requests and reads the listing of one vendor. */
export interface Vendor {
  /** Display name. */
  readonly title: string
  readonly newestFirst: boolean
  /** Reports whether the listing has the repository and accepts the credential; null for anonymous access. */
  serves(repository: string, credential: Credential | null): boolean
  /** Throws RegistryError, OddShapeError, TooLongError, or the signal's reason once it is aborted. */
  pages(client: VendorClient): AsyncGenerator<RawPage, void, undefined>
}
