import { GarbageCollectionType } from '../collect/garbage-collection.ts'
import { builder } from '../kit/builder.ts'
import { connectionArgs, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { listConnection } from '../kit/list-page.ts'
import { NodeInterface, nodeId, registerNode } from '../kit/node.ts'
import { enumType } from '../kit/types.ts'
import { RegistryUploadConnection, uploadCursors, uploadKey } from './registry-upload.ts'
import { RegistryUsageType } from './repository.ts'

type Registry = GraphQLContext['registry']

const IntegratedRegistryKindEnum = enumType('IntegratedRegistryKind', {
  description: 'Kind of the registry that receives pushes.',
  values: {
    INTEGRATED: 'The registry of this server, at the server’s address under `/v2/`.',
    EXTERNAL: 'Another registry, which notifies this server of pushes.',
  },
})

/** Key of the only integrated registry. */
const ONLY = 'this'

registerNode('IntegratedRegistry', {
  load: (key, { registry }) => (key === ONLY ? registry : undefined),
  access: 'anyone',
})

const IntegratedRegistryType = builder.objectRef<Registry>('IntegratedRegistry').implement({
  description:
    'The registry that receives pushes and notifies this server of them: the one that is part of this server, or a CNCF distribution registry in its place (`--external-registry`). There is one for each server.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the registry, the same for each kind.',
      resolve: () => nodeId('IntegratedRegistry', ONLY),
    }),
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
      nullable: true,
      description:
        'Storage use of this server, in all namespaces; null for a viewer who is not a server admin. With an external registry it does not include the content of that registry.',
      complexity: 100,
      resolve: ({ usage }, _args, { viewer }) => (viewer.rights.isServerAdmin ? usage.total() : null),
    }),
    uploads: t.field({
      type: RegistryUploadConnection,
      description: 'Uploads of blobs that have not finished, oldest first.',
      args: connectionArgs,
      complexity: (args) => ({ ...pageComplexity(args), field: 100 }),
      resolve: async ({ uploads }, args, { viewer }, info) =>
        listConnection(args, info, {
          cursors: uploadCursors,
          keyOf: uploadKey,
          items: await uploads.all(viewer),
        }),
    }),
    lastGarbageCollection: t.field({
      type: GarbageCollectionType,
      nullable: true,
      description:
        'The last garbage collection, which may still run; null if there was none, and for a viewer who is not a server admin.',
      resolve: ({ collector }, _args, { viewer }) =>
        viewer.rights.isServerAdmin ? collector.last() : undefined,
    }),
  }),
})

builder.queryField('integratedRegistry', (t) =>
  t.field({
    type: IntegratedRegistryType,
    description:
      'Returns the registry that receives pushes: the one of this server, or the external registry in its place.',
    access: 'anyone',
    example: `
      query IntegratedRegistry {
        integratedRegistry { kind host usage { uniqueSize blobCount } lastGarbageCollection { startedAt freedSize } }
      }
    `,
    resolve: (_query, _args, { registry }) => registry,
  }),
)
