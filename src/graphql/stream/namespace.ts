import { checkGlob } from '../../input/glob.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { NodeInterface, nodeId, registerNode } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'
import { countNamespaces, type Namespace, namespaceExists, namespacePage } from './namespaces.ts'

registerNode('Namespace', {
  load: (name, context) => (namespaceExists(name, context) ? { name } : undefined),
  access: 'load',
})

export const NamespaceType = builder.objectRef<Namespace>('Namespace')
objectType(NamespaceType, {
  description:
    'A namespace that holds at least one image stream, repository of the integrated registry, registry credential or receiver. Namespaces are not created: they exist while they hold something.',
  interfaces: [NodeInterface],
  properties: (t) => ({ name: t.string('Name of the namespace, for example `default`.') }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the namespace.',
      resolve: ({ name }) => nodeId('Namespace', name),
    }),
    imageStreamCount: t.int({
      description: 'Number of image streams in the namespace.',
      complexity: 10,
      resolve: ({ name: namespace }, _args, { viewer, streams, work }) =>
        streams.count(viewer, { namespace }, work.signal),
    }),
  }),
})

const NamespaceConnection = connectionType('Namespace', NamespaceType, { items: 'namespaces' })

const cursors = keyCursors<Namespace>('namespaces', ({ name }) => [name], ['string'])

builder.queryField('namespaces', (t) =>
  t.field({
    type: NamespaceConnection,
    description:
      'Returns the namespaces that hold an image stream, a repository, a registry credential or a receiver, ordered by name.',
    access: 'view',
    example: `
      query Namespaces {
        namespaces(first: 20) {
          nodes { name imageStreamCount }
          pageInfo { hasNextPage endCursor }
        }
      }`,
    args: {
      matching: t.arg.string({
        description:
          'Returns only namespaces whose name matches this pattern; `*` matches any characters. At most 255 characters.',
      }),
      ...connectionArgs,
    },
    complexity: pageComplexity,
    resolve: (_query, { matching, ...args }, context, info) => {
      const pattern = checkGlob(matching, 'matching')
      return connection(args, info, {
        cursors,
        rows: (page) => namespacePage(pattern, page, context),
        totalCount: () => countNamespaces(pattern, context),
      })
    },
  }),
)
