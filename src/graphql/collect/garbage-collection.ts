import type { GarbageCollection } from '../../collect/blobs/collections.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'

registerRowNode('GarbageCollection', {
  load: (id, { registry }) => registry.collector.byId(id),
  access: 'server-admin',
})

/** A finished or running garbage collection. */
export const GarbageCollectionType = objectType<GarbageCollection>('GarbageCollection', {
  description:
    'A garbage collection of the integrated registry. The registry serves requests during a collection.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    startedAt: t.dateTime('Time at which the garbage collection started.'),
    finishedAt: t.dateTimeOrNull(
      'Time at which the garbage collection finished; null while it runs, and if the server stopped before its end.',
    ),
    message: t.stringOrNull('Explanation for people of what failed; null if nothing failed.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the garbage collection.',
      resolve: ({ id }) => nodeId('GarbageCollection', id),
    }),
    manifestCount: t.exposeInt('manifests', {
      description: 'Number of manifests that were removed from repositories.',
    }),
    blobCount: t.exposeInt('blobs', { description: 'Number of blobs that were removed from the disk.' }),
    uploadCount: t.exposeInt('uploads', { description: 'Number of abandoned uploads that were removed.' }),
    freedSize: t.expose('bytes', { type: 'BigInt', description: 'Disk space in bytes that was freed.' }),
  }),
})
