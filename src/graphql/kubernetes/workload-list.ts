import type { GraphQLResolveInfo } from 'graphql'
import { InvalidInputError } from '../../input/errors.ts'
import { streamOrTagNamed } from '../../input/qualified-name.ts'
import type { Workload } from '../../kubernetes/observe/workload.ts'
import type { WorkloadFilter } from '../../kubernetes/observe/workload-reads.ts'
import { batch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { type ConnectionArguments, connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { ImageStreamTagType, ImageStreamType } from '../kit/references.ts'
import { streamOf } from '../kit/stream-of.ts'
import { WorkloadType } from './references.ts'

const WorkloadConnection = connectionType('Workload', WorkloadType, { items: 'workloads' })
const cursors = keyCursors<Workload>(
  'workloads',
  ({ clusterId, namespace, kind, name }) => [clusterId, namespace, kind, name],
  ['number', 'string', 'string', 'string'],
)

/** Each list is a statement of its own. */
const listComplexity = (args: ConnectionArguments) => ({ ...pageComplexity(args), field: 20 })

const list = (
  args: ConnectionArguments,
  info: GraphQLResolveInfo,
  { viewer, kubernetes: { workloads } }: GraphQLContext,
  filter: WorkloadFilter,
) =>
  connection(args, info, {
    cursors,
    rows: (page) => batch(workloads.page(viewer, filter, page)),
    totalCount: () => workloads.count(viewer, filter),
  })

builder.queryField('workloads', (t) =>
  t.field({
    type: WorkloadConnection,
    description:
      'Returns the workloads of clusters that run images of image streams, or have triggers on them, by cluster, namespace, kind and name. Viewers see those with an image stream that they may view.',
    access: 'view',
    example: `
      # What still runs an old image of its tag, and how old it is.
      query Workloads {
        workloads(isBehind: true, first: 10) {
          nodes {
            cluster { name } namespace kind name
            containers { name tagName isBehind running { digest podCount startedAt laterEntryCount behindSeconds } }
            conditions { reason message remedy }
          }
        }
      }
    `,
    complexity: listComplexity,
    args: {
      cluster: t.arg.string({ description: 'Returns only workloads of the cluster with this name.' }),
      clusterNamespace: t.arg.string({
        description: 'Returns only workloads in this namespace of their cluster.',
      }),
      namespace: t.arg.string({
        description:
          'Namespace of `imageStream`. If omitted, it is the first component of a name with a slash, and otherwise `default`.',
      }),
      imageStream: t.arg.string({
        description: 'Returns only workloads with images of this image stream; `app:v1` names the tag, too.',
      }),
      tag: t.arg.string({
        description: 'Returns only workloads with images of this tag; requires `imageStream`.',
      }),
      digest: t.arg({
        type: 'Digest',
        description: 'Returns only workloads whose pods run the image with this digest, or that specify it.',
      }),
      isBehind: t.arg.boolean({
        description:
          'Returns only workloads with a container that runs another image than its tag points to; for false, with one that does not.',
      }),
      ...connectionArgs,
    },
    resolve: (_query, args, context, info) => {
      const { cluster, clusterNamespace, digest, isBehind, ...page } = args
      const { viewer, kubernetes } = context
      const clusterId = cluster == null ? null : (kubernetes.clusters.byName(viewer, cluster)?.id ?? 0)
      const filter = { clusterId, namespace: clusterNamespace, digest, isBehind, ...named(args) }
      return list(page, info, context, filter)
    },
  }),
)

interface NamedTag {
  readonly namespace?: string | null | undefined
  readonly imageStream?: string | null | undefined
  readonly tag?: string | null | undefined
}

function named({ namespace, imageStream, tag }: NamedTag): Pick<WorkloadFilter, 'imageStream' | 'tag'> {
  if (imageStream == null) {
    const field = tag == null ? 'namespace' : 'tag'
    if (tag == null && namespace == null) return {}
    throw new InvalidInputError(field, `"${field}" needs "imageStream": give the image stream, too`)
  }
  const found = streamOrTagNamed({ name: imageStream, namespace, tag }, 'imageStream')
  return { imageStream: found, tag: found.tag }
}

builder.objectField(ImageStreamType, 'workloads', (t) =>
  t.field({
    type: WorkloadConnection,
    description:
      'Workloads of clusters that run images of the stream, or have triggers on its tags, by cluster, namespace, kind and name.',
    complexity: listComplexity,
    args: {
      isBehind: t.arg.boolean({
        description:
          'Returns only workloads with a container that runs another image than its tag points to.',
      }),
      ...connectionArgs,
    },
    resolve: (stream, { isBehind, ...args }, context, info) =>
      list(args, info, context, { imageStream: stream, isBehind }),
  }),
)

builder.objectField(ImageStreamTagType, 'workloads', (t) =>
  t.field({
    type: WorkloadConnection,
    description:
      'Workloads of clusters that run an image of the tag, or have a trigger on it, by cluster, namespace, kind and name.',
    complexity: listComplexity,
    args: connectionArgs,
    resolve: (tag, args, context, info) => {
      const imageStream = streamOf(tag, context)
      return list(args, info, context, { imageStream: imageStream ?? NO_STREAM, tag: tag.name })
    },
  }),
)

/** Matches no stream. */
const NO_STREAM = { namespace: '', name: '' }
