import type { Collection } from '../../collect/blobs/collections.ts'
import { builder } from '../kit/builder.ts'

export const CollectionType = builder.objectRef<Collection>('Collection').implement({
  description:
    'A garbage collection of the integrated registry. The registry serves requests during a collection.',
  fields: (t) => ({
    startedAt: t.field({
      type: 'DateTime',
      description: 'Time at which the garbage collection started.',
      resolve: ({ startedAt }) => startedAt,
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Time at which the garbage collection finished; null while it runs, and if the server stopped before its end.',
      resolve: ({ finishedAt }) => finishedAt,
    }),
    manifests: t.exposeInt('manifests', {
      description: 'Number of manifests that were removed from repositories.',
    }),
    blobs: t.exposeInt('blobs', { description: 'Number of blobs that were removed from the disk.' }),
    uploads: t.exposeInt('uploads', { description: 'Number of abandoned uploads that were removed.' }),
    bytes: t.field({
      type: 'BigInt',
      description: 'Disk space in bytes that was freed.',
      resolve: ({ bytes }) => bytes,
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'Human-readable explanation of what failed; null if nothing failed.',
    }),
  }),
})
