import { CollectionType } from '../collect/collect-garbage.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { enumType, objectType } from '../kit/types.ts'
import { RegistryUsageType } from './repository.ts'

type Registry = GraphQLContext['registry']
type Upload = Awaited<ReturnType<Registry['usage']['uploads']>>[number]

const IntegratedRegistryKindEnum = enumType('IntegratedRegistryKind', {
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

const IntegratedRegistryType = builder.objectRef<Registry>('IntegratedRegistry').implement({
  description:
    'The registry that receives pushes and notifies this server of them: the one that is part of this server, or a CNCF distribution registry in its place (`--external-registry`). One object for each server.',
  fields: (t) => ({
    kind: t.field({
      type: IntegratedRegistryKindEnum,
      description: 'Whether the registry is part of this server or an external one in its place.',
      resolve: ({ isIntegrated }) => (isIntegrated ? 'INTEGRATED' : 'EXTERNAL'),
    }),
    host: t.string({
      description:
        'Host and optional port of pull specs, for pushes and pulls, for example `localhost:4000`.',
      resolve: ({ host }) => host(),
    }),
    usage: t.field({
      type: RegistryUsageType,
      description:
        'Storage use of this server. With an external registry it does not include the content of that registry.',
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

builder.queryField('integratedRegistry', (t) =>
  t.field({
    type: IntegratedRegistryType,
    description:
      'Returns the registry that receives pushes: the one of this server, or the external registry in its place.',
    resolve: (_query, _args, { registry }) => registry,
  }),
)
