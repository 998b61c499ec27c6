import { checkNamespace, checkStreamName } from '../../input/names.ts'
import type { RepositorySummary, Usage } from '../../registry/content/usage.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { checkGlob } from '../kit/checks.ts'
import { Connection, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { ImageStreamType } from '../kit/object-types.ts'
import { streamOf } from '../kit/stream-of.ts'

export const RegistryUsageType = builder.objectRef<Usage>('RegistryUsage').implement({
  description: 'What content in the integrated registry takes.',
  fields: (t) => ({
    manifests: t.exposeInt('manifests', { description: 'How many manifests there are.' }),
    blobs: t.exposeInt('blobs', { description: 'How many blobs there are: configs and layers.' }),
    logicalSize: t.field({
      type: 'BigInt',
      description: 'Bytes of manifests and blobs, those that repositories share counted for each.',
      resolve: ({ logicalBytes }) => logicalBytes,
    }),
    uniqueSize: t.field({
      type: 'BigInt',
      description:
        'Bytes of what is here and in no other repository: what deleting it would bring back. Of the whole registry: bytes that are stored.',
      resolve: ({ uniqueBytes }) => uniqueBytes,
    }),
  }),
})

const RepositoryType = builder.objectRef<RepositorySummary>('Repository')
RepositoryType.implement({
  description:
    'What the integrated registry holds under one name; the image stream of that name tells what its tags mean.',
  fields: (t) => ({
    namespace: t.exposeString('namespace', { description: 'Namespace of the image stream.' }),
    name: t.exposeString('name', { description: 'Name of the image stream.' }),
    creationTimestamp: t.field({
      type: 'DateTime',
      description: 'When something was first pushed to it, or pulled through it.',
      resolve: ({ createdAt }) => createdAt,
    }),
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description: 'The image stream; null while layers have been pushed and no manifest yet.',
      resolve: (repository, _args, context) => streamOf(repository, context),
    }),
    usage: t.field({
      type: RegistryUsageType,
      description: 'How much it holds.',
      // counted when it is asked
      complexity: 20,
      resolve: (repository, _args, { registry }) => {
        const usage = loadForBatch(repository, 'usage', (all) =>
          registry.usage.ofRepositories(all.map(({ id }) => id)),
        ).get(repository.id)
        if (!usage) throw new Error(`repository ${repository.id} was not counted`)
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
      'One repository of the integrated registry; null where nothing was pushed or pulled through.',
    args: {
      namespace: t.arg.string({
        required: true,
        defaultValue: 'default',
        description: 'Namespace of the image stream.',
      }),
      name: t.arg.string({ required: true, description: 'Name of the image stream.' }),
    },
    resolve: (_query, { namespace, name }, { registry }) => {
      checkNamespace(namespace)
      checkStreamName(namespace, name)
      return registry.usage.repository({ namespace, name })
    },
  }),
  repositories: t.field({
    type: RepositoryConnection,
    description: 'The repositories of the integrated registry, by namespace and name.',
    args: {
      namespace: t.arg.string({ description: 'Only of this namespace.' }),
      matching: t.arg.string({
        description: 'Only those whose name matches; `*` stands for any characters.',
      }),
      ...connectionArgs,
    },
    complexity: pageComplexity,
    resolve: (_query, { namespace, matching, ...args }, { registry }, info) => {
      if (namespace != null) checkNamespace(namespace)
      const filter = { namespace: namespace ?? undefined, matching: checkGlob(matching, 'matching') }
      const page = pageOf(args, cursors, info)
      return new Connection({
        page,
        cursors,
        rows: () => batch(registry.usage.repositories(filter, page)),
        totalCount: () => registry.usage.countRepositories(filter),
      })
    },
  }),
}))
