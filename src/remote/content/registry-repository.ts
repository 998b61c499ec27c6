import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Session } from '../session/session.ts'
import { fetchBlob, fetchConfig, fetchSmallBlob } from './blobs.ts'
import { listTags } from './listing.ts'
import { confirmManifest, fetchManifest, resolveTag } from './manifests.ts'
import { digestOfTag, listReferrers } from './referrers.ts'

/** One repository of one registry. Every method throws RegistryError, or the signal's reason once it is aborted. */
export type RegistryRepository = ReturnType<typeof repositoryAt>

/** Creates the repository at the one location of a session. */
export const repositoryAt = (session: Session) => ({
  /**
   * Returns the valid tag names page by page, each once, in the registry's order. `from` is the `next` of an earlier page,
   * after which the listing continues.
   */
  listTags: (from?: string) => listTags(session, from),
  /** Returns the image that the tag points to. `known` is the last known digest: when unchanged, no manifest is sent. */
  resolveTag: (tag: TagName, known: Digest | null) => resolveTag(session, tag, known),
  /** Returns the manifest's exact bytes, verified by the digest. */
  fetchManifest: (digest: Digest) => fetchManifest(session, digest),
  /** Confirms that the repository has the manifest. */
  confirmManifest: (digest: Digest) => confirmManifest(session, digest),
  /** Returns a config's exact bytes, verified by the descriptor's digest. */
  fetchConfig: (descriptor: Descriptor) => fetchConfig(session, descriptor),
  /**
   * Returns a blob as it arrives: exactly `size` bytes, not verified by the digest. Resolves with the first byte; the stream
   * fails with the errors of the methods.
   */
  fetchBlob: (descriptor: Pick<Descriptor, 'digest' | 'size'>) => fetchBlob(session, descriptor),
  /** Returns the referrers of a manifest: all, or those of one artifact type. */
  listReferrers: (subject: Digest, artifactType: string | null) =>
    listReferrers(session, subject, artifactType),
  /** Returns the digest that the tag points to; null for a missing tag. */
  digestOfTag: (tag: TagName) => digestOfTag(session, tag),
  /** Returns the whole blob of an attachment, such as a signature, verified by its digest. */
  fetchAttachment: (descriptor: Pick<Descriptor, 'digest' | 'size'>, maxBytes: number) =>
    fetchSmallBlob(session, descriptor, { noun: 'attachment', maxBytes }),
})
