import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Reference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'

/**
 * Who waits for the answer: a webhook's sender said that something changed, or nobody does, for it was merely due.
 * Without either a person does.
 */
export type Urgency = 'webhook' | 'schedule'

/** What an import needs of the registries that it reads; `app.ts` joins it to the adapter in `remote/`. */
export interface RemoteRegistry {
  /** Opens no connection yet. */
  repository(reference: Pick<Reference, 'registry' | 'repository'>, options: RemoteOptions): RemoteRepository
}

export interface RemoteOptions {
  /** Plain HTTP or a certificate that does not verify is acceptable here. */
  readonly insecure: boolean
  /** Whose work this is: a registry's slots go round between lanes, so that a large import delays no small one. */
  readonly lane: string
  /** For which namespace, by whose credentials; null for the server itself. */
  readonly namespace: string | null
  /** Webhooks go first, then people, then schedules, which also leave the rest of what a registry gives to the others. */
  readonly urgency?: Urgency
  readonly signal: AbortSignal
}

/** One repository of one registry. Every method throws RegistryError, or the signal's reason once it is aborted. */
export interface RemoteRepository {
  /**
   * The legal tag names, page by page as they arrive, in the registry's order; `from` is the `next` of a page that was
   * read before, behind which the listing goes on.
   */
  listTags(from?: string): AsyncIterable<TagPage>
  /** What the tag means now; `known` is what it meant when last asked, and makes the question cheaper. */
  resolveTag(tag: TagName, known: Digest | null): Promise<ResolvedTag>
  /** The manifest's exact bytes, verified against the digest. */
  fetchManifest(digest: Digest): Promise<RemoteManifest>
  /** A config's exact bytes, verified against the descriptor's digest. */
  fetchConfig(descriptor: Descriptor): Promise<Uint8Array>
  /**
   * What the vendor's own listing says of the tags; null where it has none that is known. Asks for nothing that is not
   * needed to know which it is. Absent where there are no such listings.
   */
  vendorListing?(): Promise<VendorListing | null>
}

export interface TagPage {
  readonly names: readonly TagName[]
  /** Where the listing goes on behind this page, also for a later reading; null where it does not, or not from here. */
  readonly next: string | null
  /** Set where the registry led back to where it had been: it may have tags that it did not tell. */
  readonly isPartial?: true
}

export interface ResolvedTag {
  readonly digest: Digest
  /** There when the registry could not tell the digest without sending the manifest. */
  readonly manifest?: RemoteManifest
}

export interface RemoteManifest {
  readonly digest: Digest
  /** As the registry sent it; may be empty or wrong. */
  readonly contentType: string
  readonly bytes: Uint8Array
}

/**
 * A listing beside the registry's protocol that tells many tags with their digests at once. What it says is a hint, and
 * what is stored is what the registry itself answers.
 */
export interface VendorListing {
  /** As people call it: `Docker Hub`, `Quay`. */
  readonly vendor: string
  /** What changed last comes first: what follows a page of known claims is known too. */
  readonly newestFirst: boolean
  /** As they arrive. Throws VendorListingFailure, or the signal's reason once it is aborted. */
  pages(): AsyncIterable<VendorPage>
}

export interface VendorPage {
  readonly claims: readonly TagClaim[]
  /** Tags in all, where the vendor says. */
  readonly total: number | null
  /** Moves in the past that the vendor tells of, with its own times. */
  readonly moves: readonly ReportedMove[]
  /** Whether the listing ends here because all of it was told, and not because a limit was met. */
  readonly isComplete: boolean
}

export interface TagClaim {
  readonly tag: TagName
  /** Null where the vendor does not say, or says what is no digest. */
  readonly digest: Digest | null
  /** Milliseconds since 1970, by the vendor's clock. */
  readonly changedAt: number | null
}

/** That a tag meant an image for a time. Milliseconds since 1970, by the vendor's clock. */
export interface ReportedMove {
  readonly tag: TagName
  readonly digest: Digest
  readonly from: number
  /** Null where it still does. */
  readonly until: number | null
}

/** A vendor's listing that cannot be read, or makes no sense. */
export interface VendorListingFailure extends Error {
  readonly code: 'VENDOR_LISTING'
  readonly vendor: string
  /** `Forbidden`, `Unauthorized`, `NotFound`, `OddShape`, `TooManyRequests`, `Unavailable`: stable, for a condition. */
  readonly reason: string
}

export const isVendorListingFailure = (error: unknown): error is VendorListingFailure =>
  error instanceof Error && 'code' in error && error.code === 'VENDOR_LISTING'
