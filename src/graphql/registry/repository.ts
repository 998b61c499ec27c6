import { patternNamed, streamNamed } from '../../input/qualified-name.ts'
import type { RepositorySummary, Usage } from '../../registry/content/usage.ts'
import { batch, loadById } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { streamNamespaceArg } from '../kit/inputs.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ImageStreamType } from '../kit/references.ts'
import { describePattern, namespaceFilterArg } from '../kit/search-filter.ts'
import { streamOf } from '../kit/stream-of.ts'
import { objectType } from '../kit/types.ts'

export const RegistryUsageType = objectType<Usage>('RegistryUsage', {
  description: 'Storage use of a repository, or of the whole integrated registry.',
  fields: (t) => ({
    manifestCount: t.exposeInt('manifests', { description: 'Number of manifests.' }),
    blobCount: t.exposeInt('blobs', { description: 'Number of blobs: configs and layers.' }),
    logicalSize: t.expose('logicalBytes', {
      type: 'BigInt',
      description:
        'Total size of manifests and blobs in bytes. Content that repositories share is counted for each of them.',
    }),
    uniqueSize: t.expose('uniqueBytes', {
      type: 'BigInt',
      description:
        'Size in bytes of content that no other repository contains, of those that the viewer sees. For the whole registry, the stored size.',
    }),
  }),
})

registerRowNode('Repository', {
  load: (id, { registry }) => registry.usage.repositoryById(id),
  access: { streamOf: (repository) => repository },
})

const RepositoryType = builder.objectRef<RepositorySummary>('Repository')
objectType(RepositoryType, {
  description:
    'A repository of the integrated registry. The image stream with the same name contains its tags.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string('Namespace of the repository and of its image stream.'),
    name: t.string('Name of the repository and of its image stream.'),
    createdAt: t.dateTime('Time of the first push to the repository, or of the first pull through it.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the repository.',
      resolve: ({ id }) => nodeId('Repository', id),
    }),
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description:
        'Image stream with the name of the repository; null while only layers and no manifest were pushed.',
      resolve: (repository, _args, context) => streamOf(repository, context),
    }),
    usage: t.field({
      type: RegistryUsageType,
      description: 'Storage use of the repository.',
      complexity: 20,
      resolve: (repository, _args, { viewer, registry }) => {
        const usage = loadById(repository, 'usage', (ids) => registry.usage.ofRepositories(viewer, ids))
        if (!usage) throw new Error(`repository ${repository.id} has no usage`)
        return usage
      },
    }),
  }),
})

const RepositoryConnection = connectionType('Repository', RepositoryType, { items: 'repositories' })

const cursors = keyCursors<RepositorySummary>('repositories', ({ namespace, name }) => [namespace, name], [
  'string',
  'string',
])

builder.queryFields((t) => ({
  repository: t.field({
    type: RepositoryType,
    nullable: true,
    description:
      'Returns a repository of the integrated registry; null if nothing was pushed to it or pulled through it.',
    access: 'view',
    example: `
      query Repository {
        repository(namespace: "shop", name: "web") { createdAt usage { logicalSize uniqueSize manifestCount } }
      }
    `,
    args: {
      ...streamNamespaceArg('repository'),
      name: t.arg.string({
        required: true,
        description: 'Name of the repository: `app`, or `team/app` with its namespace.',
      }),
    },
    resolve: (_query, args, { viewer, registry }) => registry.usage.repository(viewer, streamNamed(args)),
  }),
  repositories: t.field({
    type: RepositoryConnection,
    description: 'Returns the repositories of the integrated registry, ordered by namespace and name.',
    access: 'view',
    example: `
      query Repositories {
        repositories(first: 10) { nodes { namespace name usage { uniqueSize blobCount } } }
      }
    `,
    args: {
      ...namespaceFilterArg('repositories'),
      matching: t.arg.string({
        description: describePattern('repositories'),
      }),
      ...connectionArgs,
    },
    complexity: pageComplexity,
    resolve: (_query, { namespace, matching, ...args }, { viewer, registry }, info) => {
      const { stream, ...named } = patternNamed({ namespace, name: matching }, 'matching')
      const filter = { namespace: named.namespace, matching: stream }
      return connection(args, info, {
        cursors,
        rows: async (page) => batch(await registry.usage.repositories(viewer, filter, page)),
        totalCount: () => registry.usage.countRepositories(viewer, filter),
      })
    },
  }),
}))
