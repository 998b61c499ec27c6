import type { EgressResponse } from '../../egress/exchange.ts'
import { type Descriptor, parseDescriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { OCI_INDEX } from '../../oci/media-types.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import { type TagName, tagOfReferrers } from '../../oci/tag.ts'
import { unreadable } from '../login/refusal.ts'
import type { Session } from '../session/session.ts'
import { Pages } from './listing-pages.ts'
import { fetchManifest, type ManifestOptions, resolveTag } from './manifests.ts'

/** What a registry says is about a manifest: nothing of it is verified yet. */
export interface ReferrerListing {
  /** Each digest once, in the registry's order. */
  readonly descriptors: readonly Descriptor[]
  /** `TAG`: the registry has no list of referrers, and its clients keep one under a tag of the digest's name. */
  readonly source: 'API' | 'TAG'
  /** False when there are more than are read of one image. */
  readonly isComplete: boolean
}

/** Referrers of one manifest that are read; a signature among more than these is looked for by its type. */
export const MAX_REFERRERS = 1000
const MAX_PAGES = 20
/** Bytes of one page, as of any index. */
const PAGE_BYTES = 4 * 1024 * 1024
/** Milliseconds for all pages. */
const LISTING_TIME = 30_000

/**
 * What a repository has that is about the manifest: all, or of one artifact type. A list that leads back to its beginning
 * ends there. Throws RegistryError. Source: OCI distribution-spec, listing referrers and the referrers tag schema.
 */
export async function listReferrers(
  session: Session,
  { subject, artifactType }: { readonly subject: Digest; readonly artifactType: string | null },
  options: ManifestOptions,
): Promise<ReferrerListing> {
  const { clock, warn } = options
  const pages = new Pages(session, {
    field: 'manifests',
    path: `/v2/${session.repository}/referrers/${subject}`,
    absent: `referrers of ${subject}`,
    what: `the referrers of ${subject}`,
    accept: OCI_INDEX,
  })
  const found = new Found(artifactType)
  const deadline = clock.now() + LISTING_TIME
  const asked = new Set<string>()
  let isComplete = true
  let query: string | undefined =
    artifactType === null ? '' : new URLSearchParams({ artifactType }).toString()
  while (query !== undefined) {
    asked.add(query)
    const answer = await pages.ask(query, PAGE_BYTES)
    // who has no such list on the first page has no such list
    if (asked.size === 1 && isUnknownQuestion(answer)) return listOfTag(session, subject, found, options)
    const entries = await pages.entriesOf(answer)
    isComplete = found.add(entries)
    const next = pages.nextOf(answer, { entries, pageSize: 0, query, linked: true })
    query = next.query
    if (query === undefined || !isComplete) break
    if (asked.has(query)) {
      warn(`its list of the referrers of ${subject} leads back to pages that were read already`)
      break
    }
    if (asked.size >= MAX_PAGES || clock.now() > deadline) isComplete = false
    if (!isComplete) break
  }
  if (found.illegal > 0) {
    warn(`its list of the referrers of ${subject} has ${found.illegal} entries that are no descriptors`)
  }
  return { descriptors: found.descriptors, source: 'API', isComplete }
}

/** 404 by the specification; 400, 405 and 501 from registries that know no such path. */
const isUnknownQuestion = ({ status }: EgressResponse): boolean => [400, 404, 405, 501].includes(status)

async function listOfTag(
  session: Session,
  subject: Digest,
  found: Found,
  options: ManifestOptions,
): Promise<ReferrerListing> {
  const tag = tagOfReferrers(subject)
  const digest = await digestOfTag(session, tag, options)
  if (digest === null) return { descriptors: [], source: 'TAG', isComplete: true }
  const { bytes, contentType } = await fetchManifest(session, digest)
  const topic = { what: `the referrers of ${subject}`, unreadable: 'InvalidManifest' } as const
  try {
    const manifest = parseManifest(bytes, contentType)
    if (manifest.kind === 'index') {
      return { isComplete: found.add(manifest.manifests), descriptors: found.descriptors, source: 'TAG' }
    }
  } catch (error) {
    throw await session.failure(topic, error)
  }
  throw unreadable(session.question(topic), `the tag "${tag}" is an image, and no list of referrers`)
}

/** What the tag means now; null where there is no such tag. Throws RegistryError for all else. */
export async function digestOfTag(
  session: Session,
  tag: TagName,
  options: ManifestOptions,
): Promise<Digest | null> {
  try {
    return (await resolveTag(session, tag, null, options)).digest
  } catch (error) {
    if (error instanceof RegistryError && error.reason === 'NotFound') return null
    throw error
  }
}

/** The descriptors of one listing so far. */
class Found {
  readonly #artifactType: string | null
  readonly #byDigest = new Map<Digest, Descriptor>()
  illegal = 0

  constructor(artifactType: string | null) {
    this.#artifactType = artifactType
  }

  get descriptors(): readonly Descriptor[] {
    return [...this.#byDigest.values()]
  }

  /** Whether there was room for all. A registry need not filter, and may say that it did when it did not. */
  add(entries: readonly unknown[]): boolean {
    for (const entry of entries) {
      const descriptor = parseDescriptor(entry)
      if (!descriptor) {
        this.illegal += 1
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
