import type { Collection } from '../../collect/blobs/rows.ts'
import { builder } from '../kit/builder.ts'

export const CollectionType = builder.objectRef<Collection>('Collection').implement({
  description: 'A run of the garbage collection: it frees what nothing refers to, while the registry serves.',
  fields: (t) => ({
    startedAt: t.field({
      type: 'DateTime',
      description: 'When it began.',
      resolve: ({ startedAt }) => startedAt,
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ended; null while it runs, and where the end of the server stopped it.',
      resolve: ({ finishedAt }) => finishedAt,
    }),
    manifests: t.exposeInt('manifests', { description: 'Manifests that went, from their repositories.' }),
    blobs: t.exposeInt('blobs', { description: 'Blobs that went from the disk.' }),
    uploads: t.exposeInt('uploads', { description: 'Uploads that had been given up.' }),
    bytes: t.field({
      type: 'BigInt',
      description: 'Bytes of disk that came back.',
      resolve: ({ bytes }) => bytes,
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'What it could not do, and why; null when all went well.',
    }),
  }),
})
