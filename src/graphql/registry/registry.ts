import { CollectionType } from '../collect/collect-garbage.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { enumType, objectType } from '../kit/types.ts'
import { RegistryUsageType } from './repository.ts'

type Registry = GraphQLContext['registry']
type Upload = Awaited<ReturnType<Registry['usage']['uploads']>>[number]

const RegistryKindEnum = enumType('RegistryKind', {
  description: 'Kind of the registry that receives pushes.',
  values: {
    INTEGRATED: 'The registry of this server, at the server’s address under `/v2/`.',
    EXTERNAL: 'Another registry, which notifies this server of pushes.',
  },
})

const RegistryUploadType = objectType<Upload>('RegistryUpload', {
  description: 'An upload of a blob that has not finished.',
  properties: (t) => ({
    repository: t.string(
      'Repository of the upload as `namespace/name`: the namespace ends at the first slash.',
    ),
    size: t.bigInt('Number of bytes received.'),
    startedAt: t.dateTime('Time at which the upload started.'),
    changedAt: t.dateTime(
      'Time at which bytes were last received. An upload without new bytes for a day is abandoned.',
    ),
  }),
})

const RegistryType = builder.objectRef<Registry>('Registry').implement({
  description: 'The registry that receives pushes, with its content.',
  fields: (t) => ({
    kind: t.field({
      type: RegistryKindEnum,
      description: 'Whether the registry is part of this server.',
      resolve: ({ isIntegrated }) => (isIntegrated ? 'INTEGRATED' : 'EXTERNAL'),
    }),
    host: t.string({
      description: 'Host and port for pushes and pulls, for example `localhost:4000`.',
      resolve: ({ host }) => host(),
    }),
    usage: t.field({
      type: RegistryUsageType,
      description: 'Storage use of the integrated registry.',
      complexity: 100,
      resolve: ({ usage }) => usage.total(),
    }),
    uploads: t.field({
      type: [RegistryUploadType],
      description: 'Uploads of blobs that have not finished, oldest first; at most 500.',
      complexity: 100,
      resolve: async ({ usage }) =>
        [...(await usage.uploads())].sort((a, b) => a.startedAt - b.startedAt).slice(0, MAX_UPLOADS),
    }),
    lastCollection: t.field({
      type: CollectionType,
      nullable: true,
      description: 'The last garbage collection, which may still run; null if there was none.',
      resolve: ({ collector }) => collector.last(),
    }),
  }),
})

const MAX_UPLOADS = 500

builder.queryField('registry', (t) =>
  t.field({
    type: RegistryType,
    description: 'Returns the registry that receives pushes.',
    resolve: (_query, _args, { registry }) => registry,
  }),
)
