import type { EgressResponse } from '../../egress/exchange.ts'
import { controlCharacterIn } from '../../oci/control-characters.ts'
import { type Descriptor, parseDescriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { OCI_INDEX } from '../../oci/media-types.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import { type TagName, tagOfReferrers } from '../../oci/tag.ts'
import { unreadableError } from '../login/registry-errors.ts'
import type { Session } from '../session/session.ts'
import { ListingPages } from './listing-pages.ts'
import { fetchManifest, resolveTag } from './manifests.ts'

/** The referrers of a manifest as the registry lists them, unverified. */
export interface ReferrerListing {
  /** Each digest once, in the registry's order. */
  readonly descriptors: readonly Descriptor[]
  /** `TAG`: the registry has no referrers API, and clients store the list under a tag named after the digest. */
  readonly source: 'API' | 'TAG'
  /** False when there are more than are read. */
  readonly isComplete: boolean
}

/** Referrers of one manifest that are read; beyond this number, they are listed by artifact type. */
export const MAX_REFERRERS = 1000
const MAX_PAGES = 20
/** Bytes of one page. */
const PAGE_BYTES = 4 * 1024 * 1024
/** Milliseconds for all pages. */
const LISTING_TIME = 30_000

/**
 * Returns the referrers of a manifest: all, or those of one artifact type. Ends with a warning when the registry repeats
 * pages. Throws RegistryError. Source: OCI distribution-spec, listing referrers and the referrers tag schema.
 */
export async function listReferrers(
  session: Session,
  subject: Digest,
  artifactType: string | null,
): Promise<ReferrerListing> {
  const { clock, warn } = session.options
  const pages = new ListingPages(session, {
    field: 'manifests',
    path: `/v2/${session.repository}/referrers/${subject}`,
    absent: `referrers of ${subject}`,
    what: `the referrers of ${subject}`,
    accept: OCI_INDEX,
  })
  const found = new FoundReferrers(artifactType)
  const deadline = clock.now() + LISTING_TIME
  const requested = new Set<string>()
  let isComplete = true
  let query: string | undefined =
    artifactType === null ? '' : new URLSearchParams({ artifactType }).toString()
  while (query !== undefined) {
    requested.add(query)
    const response = await pages.request(query, PAGE_BYTES)
    if (requested.size === 1 && isUnsupported(response)) return listOfTag(session, subject, found)
    const entries = await pages.entriesOf(response)
    isComplete = found.add(entries)
    const next = pages.nextOf(response, { entries, pageSize: 0, query, linked: true })
    query = next.query
    if (query === undefined || !isComplete) break
    if (requested.has(query)) {
      warn(`its list of the referrers of ${subject} repeats pages that were already read`)
      break
    }
    if (requested.size >= MAX_PAGES || clock.now() > deadline) isComplete = false
    if (!isComplete) break
  }
  if (found.invalid > 0) {
    warn(`its list of the referrers of ${subject} has ${found.invalid} entries that are not descriptors`)
  }
  return { descriptors: found.descriptors, source: 'API', isComplete }
}

/** Reports whether there is no referrers API: 404 by the specification; some registries use 400, 405 and 501. */
const isUnsupported = ({ status }: EgressResponse): boolean => [400, 404, 405, 501].includes(status)

async function listOfTag(session: Session, subject: Digest, found: FoundReferrers): Promise<ReferrerListing> {
  const tag = tagOfReferrers(subject)
  const digest = await digestOfTag(session, tag)
  // some registries read `sha256-…` as the digest itself
  if (digest === null || digest === subject) return { descriptors: [], source: 'TAG', isComplete: true }
  const { bytes, contentType } = await fetchManifest(session, digest)
  const topic = { what: `the referrers of ${subject}`, unreadable: 'InvalidManifest' } as const
  try {
    const manifest = parseManifest(bytes, contentType)
    if (manifest.kind === 'index') {
      return { isComplete: found.add(manifest.manifests), descriptors: found.descriptors, source: 'TAG' }
    }
  } catch (error) {
    throw await session.requestError(topic, error)
  }
  throw unreadableError(session.subject(topic), `the tag "${tag}" is an image, not a list of referrers`)
}

/** Returns the digest that the tag points to; null for a missing tag. Throws RegistryError for other failures. */
export async function digestOfTag(session: Session, tag: TagName): Promise<Digest | null> {
  try {
    return (await resolveTag(session, tag, null)).digest
  } catch (error) {
    if (error instanceof RegistryError && error.reason === 'NotFound') return null
    throw error
  }
}

/** The referrers of one list so far. */
class FoundReferrers {
  readonly #artifactType: string | null
  readonly #byDigest = new Map<Digest, Descriptor>()
  /** Entries that are not valid descriptors. */
  invalid = 0

  constructor(artifactType: string | null) {
    this.#artifactType = artifactType
  }

  get descriptors(): readonly Descriptor[] {
    return [...this.#byDigest.values()]
  }

  /** Adds entries, filtered by type: a registry may not filter, even when it reports that it did. Returns false when full. */
  add(entries: readonly unknown[]): boolean {
    for (const entry of entries) {
      const descriptor = parseDescriptor(entry)
      if (!descriptor || controlCharacterIn(descriptor)) {
        this.invalid += 1
        continue
      }
      if (this.#artifactType !== null && descriptor.artifactType !== this.#artifactType) continue
      if (this.#byDigest.has(descriptor.digest)) continue
      if (this.#byDigest.size >= MAX_REFERRERS) return false
      this.#byDigest.set(descriptor.digest, descriptor)
    }
    return true
  }
}
