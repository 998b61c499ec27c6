import type { BlobStore, UploadSummary } from '../../blobs/blob-store.ts'
import type { Removals } from './blobs.ts'
import type { Terms } from './terms.ts'

/**
 * Uploads that got no byte for a long time and that nobody is writing to, each offered to `act` in the same turn in which
 * that was seen, so that a client who comes back is either here before it or finds the upload gone.
 */
export async function forEachAbandoned(
  blobs: BlobStore,
  { abandonedBefore }: Terms,
  signal: AbortSignal | undefined,
  act: (summary: UploadSummary, discard: () => Promise<void>) => unknown,
): Promise<void> {
  for (const summary of await blobs.uploads()) {
    signal?.throwIfAborted()
    if (summary.changedAt >= abandonedBefore) continue
    const upload = await blobs.upload(summary.repository, summary.id)
    if (!upload || upload.isBusy || upload.size !== summary.size) continue
    await act(summary, () => upload.discard())
  }
}

/** Removes them. */
export const discardAbandoned = (
  blobs: BlobStore,
  terms: Terms,
  removals: Removals,
  signal: AbortSignal | undefined,
): Promise<void> =>
  forEachAbandoned(blobs, terms, signal, async ({ size }, discard) => {
    try {
      await discard()
      removals.removed(size)
    } catch (error) {
      removals.failed(error)
    }
  })
