import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { CollectionType } from './collection.ts'
import { RegistryUsageType } from './repository.ts'

type Registry = GraphQLContext['registry']
type Upload = Awaited<ReturnType<Registry['usage']['uploads']>>[number]

const RegistryKindEnum = builder.enumType('RegistryKind', {
  description: 'Which registry takes pushes.',
  values: {
    INTEGRATED: { description: 'This server’s own, at its own address under `/v2/`.' },
    EXTERNAL: { description: 'Another registry, which tells this server of its pushes.' },
  } as const,
})

const RegistryUploadType = builder.objectRef<Upload>('RegistryUpload').implement({
  description: 'A blob that a client has begun to push and not finished.',
  fields: (t) => ({
    repository: t.exposeString('repository', { description: 'Where it is pushed to: `namespace/name`.' }),
    size: t.field({ type: 'BigInt', description: 'Bytes that have arrived.', resolve: ({ size }) => size }),
    startedAt: t.field({
      type: 'DateTime',
      description: 'When it was begun.',
      resolve: ({ startedAt }) => startedAt,
    }),
    changedAt: t.field({
      type: 'DateTime',
      description: 'When bytes last arrived; without any for a day it is given up.',
      resolve: ({ changedAt }) => changedAt,
    }),
  }),
})

const RegistryType = builder.objectRef<Registry>('Registry').implement({
  description: 'The registry that images are pushed to, and what it holds.',
  fields: (t) => ({
    kind: t.field({
      type: RegistryKindEnum,
      description: 'Whether it is this server’s own.',
      resolve: ({ isIntegrated }) => (isIntegrated ? 'INTEGRATED' : 'EXTERNAL'),
    }),
    host: t.string({
      description: 'Host and port to push to and pull from: `localhost:4000`.',
      resolve: ({ host }) => host(),
    }),
    usage: t.field({
      type: RegistryUsageType,
      description: 'How much the integrated registry holds.',
      complexity: 100,
      resolve: ({ usage }) => usage.total(),
    }),
    uploads: t.field({
      type: [RegistryUploadType],
      description: 'Pushes of blobs that are not finished, the oldest first; at most 500.',
      complexity: 100,
      resolve: async ({ usage }) =>
        [...(await usage.uploads())].sort((a, b) => a.startedAt - b.startedAt).slice(0, MAX_UPLOADS),
    }),
    lastCollection: t.field({
      type: CollectionType,
      nullable: true,
      description: 'The last garbage collection, also one that still runs; null when there was none yet.',
      resolve: ({ collector }) => collector.last(),
    }),
  }),
})

const MAX_UPLOADS = 500

builder.queryField('registry', (t) =>
  t.field({
    type: RegistryType,
    description: 'The registry that images are pushed to.',
    resolve: (_query, _args, { registry }) => registry,
  }),
)
