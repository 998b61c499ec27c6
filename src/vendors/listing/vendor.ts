import type { Challenge } from '../../remote/login/challenge.ts'
import type { Credential } from '../../remote/login/credentials.ts'
import type { VendorApi } from '../../remote/session/vendor-api.ts'
import type { VendorClient } from './vendor-client.ts'

/** A tag as the vendor sent it, not validated. */
export interface RawTag {
  readonly tag: unknown
  readonly digest: unknown
  readonly changedAt: number | null
}

/** A move of a tag as the vendor sent it, not validated. */
export interface RawMove {
  readonly tag: unknown
  readonly digest: unknown
  readonly from: number | null
  readonly until: number | null
}

/** A page as the vendor sent it, not validated. */
export interface RawPage {
  readonly tags: readonly RawTag[]
  /** Number of entries in the response, of any kind. */
  readonly entries: number
  /** Number of all tags; null or undefined when the vendor does not report it. */
  readonly total?: number | null
  readonly moves?: readonly RawMove[]
  /** True when the vendor reports that this is the last page. */
  readonly isComplete: boolean
}

/** Requests and reads the listing of one vendor. */
export interface Vendor {
  /** Display name. */
  readonly title: string
  readonly newestFirst: boolean
  /** Reports whether a host name, in lower case, is the vendor's. */
  readonly hasHost?: (name: string) => boolean
  /** Headers, in lower case, that only registries of the vendor send. */
  readonly headers?: readonly string[]
  /** Reports whether a challenge is one that registries of the vendor send. */
  readonly sends?: (challenge: Challenge) => boolean
  /**
   * Reports whether a registry that was detected by its responses has the listing, which its operator may have disabled; all
   * have it unless given. Throws RegistryError, OddShapeError, or the signal's reason once it is aborted.
   */
  readonly isEnabled?: (api: VendorApi) => Promise<boolean>
  /** Reports whether the listing has the repository and accepts the credential; null for anonymous access. All unless given. */
  readonly serves?: (repository: string, credential: Credential | null) => boolean
  /**
   * Yields the pages; it is not continued after one that is complete. Throws RegistryError, OddShapeError, TooLongError, or
   * the signal's reason once it is aborted.
   */
  pages(client: VendorClient): AsyncGenerator<RawPage, void, undefined>
}
