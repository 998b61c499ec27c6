import type { Collection } from '../../collect/blobs/collections.ts'
import { objectType } from '../kit/types.ts'

export const CollectionType = objectType<Collection>('Collection', {
  description:
    'A garbage collection of the integrated registry. The registry serves requests during a collection.',
  properties: (t) => ({
    startedAt: t.dateTime('Time at which the garbage collection started.'),
    finishedAt: t.dateTimeOrNull(
      'Time at which the garbage collection finished; null while it runs, and if the server stopped before its end.',
    ),
    manifests: t.int('Number of manifests that were removed from repositories.'),
    blobs: t.int('Number of blobs that were removed from the disk.'),
    uploads: t.int('Number of abandoned uploads that were removed.'),
    bytes: t.bigInt('Disk space in bytes that was freed.'),
    message: t.stringOrNull('Human-readable explanation of what failed; null if nothing failed.'),
  }),
})
