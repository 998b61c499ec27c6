import type { BlobStore } from '../../blobs/blob-store.ts'
import type { UploadSummary } from '../../blobs/layout.ts'
import type { Removals } from './stored-blobs.ts'
import type { CollectionTerms } from './terms.ts'

/**
 * Calls `act` for each upload that has received no byte for a long time and that no request writes to. It does so in the
 * turn of the event loop of the check: a client that continues comes before both, or finds the upload removed.
 */
export async function forEachAbandoned(
  blobs: BlobStore,
  { abandonedBefore }: CollectionTerms,
  signal: AbortSignal,
  act: (summary: UploadSummary, discard: () => Promise<void>) => unknown,
): Promise<void> {
  for (const summary of await blobs.uploads()) {
    signal.throwIfAborted()
    if (summary.changedAt >= abandonedBefore) continue
    const upload = await blobs.upload(summary.repository, summary.id)
    if (!upload || upload.isBusy || upload.size !== summary.size) continue
    await act(summary, () => upload.discard())
  }
}

/** Removes abandoned uploads. */
export const discardAbandoned = (
  blobs: BlobStore,
  terms: CollectionTerms,
  removals: Removals,
  signal: AbortSignal,
): Promise<void> =>
  forEachAbandoned(blobs, terms, signal, async ({ size }, discard) => {
    try {
      await discard()
      removals.removed(size)
    } catch (error) {
      removals.failed(error)
    }
  })
