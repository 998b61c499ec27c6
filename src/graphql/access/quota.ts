import type { HeldResource, QuotaLimits } from '../../access/quota/quota.ts'
import type { Quota } from '../../access/quota/quotas.ts'
import { ANY } from '../../access/right/rights.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { listConnection } from '../kit/list-page.ts'
import { NodeInterface, nodeId, registerNode } from '../kit/node.ts'
import { namespaceIn } from '../kit/search-filter.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'

registerNode('Quota', {
  load: (namespace, { quotas, viewer }) => quotas.byNamespace(viewer, namespace),
  access: 'load',
})

// counts all that the namespace holds
const USE_COMPLEXITY = 100

const useOf =
  (resource: HeldResource) =>
  ({ namespace }: Quota, _args: object, { quotas }: GraphQLContext): number =>
    quotas.usage[resource](namespace)

const QuotaType = objectType<Quota>('Quota', {
  description:
    'Limits of what a namespace may hold and do, and what it holds now. What exceeds a limit is refused: a mutation with `FORBIDDEN`, a push with `DENIED`; an imported tag and a tag that follows another get a condition with the reason `QUOTA_EXCEEDED`. What is there when a limit is set stays.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string('Namespace of the limits; `*` for all namespaces without limits of their own.'),
    isOwn: t.boolean(
      'Whether limits were set for this namespace; false if they are those of `*`, or none are set.',
    ),
    requestsPerHour: t.intOrNull(
      'Maximum number of requests to other registries in an hour, by the clock of the server (UTC); null for no limit.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the quota.',
      resolve: ({ namespace }) => nodeId('Quota', namespace),
    }),
    maximumImageStreams: t.expose('streams', {
      type: 'Int',
      nullable: true,
      description: 'Maximum number of image streams; null for no limit.',
    }),
    maximumTags: t.expose('tags', {
      type: 'Int',
      nullable: true,
      description: 'Maximum number of tags with an image, in all streams together; null for no limit.',
    }),
    maximumSize: t.expose('bytes', {
      type: 'BigInt',
      nullable: true,
      description:
        'Maximum size in bytes of the blobs and manifests in the namespace’s repositories, each counted once; null for no limit.',
    }),
    changedAt: t.expose('updatedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the limits were last set; null if none are set.',
    }),
    imageStreamCount: t.int({
      description: 'Number of image streams in the namespace, without deleted ones; 0 for `*`.',
      complexity: USE_COMPLEXITY,
      resolve: useOf('streams'),
    }),
    tagCount: t.int({
      description: 'Number of tags with an image in the namespace; 0 for `*`.',
      complexity: USE_COMPLEXITY,
      resolve: useOf('tags'),
    }),
    size: t.field({
      type: 'BigInt',
      description:
        'Size in bytes of the blobs in the namespace’s repositories, also of deleted streams until they are pruned; 0 for `*`.',
      complexity: USE_COMPLEXITY,
      resolve: useOf('bytes'),
    }),
    requestCount: t.int({
      description:
        'Number of requests to other registries in this hour, since the server was started; 0 for `*`.',
      resolve: ({ namespace }, _args, { quotas }) => quotas.requests(namespace),
    }),
  }),
})

const QuotaConnection = connectionType('Quota', QuotaType, { items: 'quotas' })
const keyOf = ({ namespace }: Quota): [string] => [namespace]
const quotaCursors = keyCursors<Quota>('quotas', keyOf, ['string'])

builder.queryField('quotas', (t) =>
  t.field({
    type: QuotaConnection,
    description:
      'Returns the quotas that were set, of the namespaces in which the viewer has the right, by namespace; of one namespace, the limits that apply to it, also where they are those of `*`.',
    access: 'grant',
    example: `
      # What the namespace may hold, and what it holds.
      query Quotas {
        quotas(namespace: "default") { nodes { maximumImageStreams imageStreamCount maximumSize size requestsPerHour requestCount } }
      }
    `,
    complexity: pageComplexity,
    args: {
      namespace: t.arg.string({
        description:
          'Returns only the limits that apply to this namespace; `*` for the limits of all namespaces without their own.',
      }),
      ...connectionArgs,
    },
    resolve: (_query, { namespace, ...args }, { quotas, viewer }, info) => {
      const wanted = namespace === ANY ? ANY : namespaceIn(namespace)
      if (wanted !== null) {
        const items = [quotas.appliedTo(viewer, wanted)]
        return listConnection(args, info, { cursors: quotaCursors, items, keyOf })
      }
      return connection(args, info, {
        cursors: quotaCursors,
        rows: (page) => quotas.page(viewer, page),
        totalCount: () => quotas.count(viewer),
      })
    },
  }),
)

const QuotaLimitsInput = inputType('QuotaLimitsInput', {
  description: 'Limits of a namespace. A limit that is omitted or null does not apply; 0 allows nothing.',
  fields: (t) => ({
    maximumImageStreams: t.int({ description: 'Maximum number of image streams.' }),
    maximumTags: t.int({ description: 'Maximum number of tags with an image, in all streams together.' }),
    maximumSize: t.field({
      type: 'BigInt',
      description: 'Maximum size in bytes of the blobs and manifests in its repositories, each counted once.',
    }),
    requestsPerHour: t.int({ description: 'Maximum number of requests to other registries in an hour.' }),
  }),
})

const SetQuotaInput = inputType('SetQuotaInput', {
  description: 'A namespace and its limits.',
  fields: (t) => ({
    namespace: t.requiredString(
      'Namespace of the limits; `*` for all namespaces without limits of their own.',
    ),
    limits: t.one(
      QuotaLimitsInput,
      'All limits of the namespace. If omitted or null, its limits are removed, and those of `*` apply to it.',
    ),
  }),
})

const SetQuotaPayload = objectType<{ readonly quota: Quota }>('SetQuotaPayload', {
  description: 'The limits that apply now.',
  properties: (t) => ({ quota: t.one(QuotaType, 'The quota of the namespace.') }),
})

mutation('setQuota', {
  description:
    'Sets the limits of a namespace, in place of its earlier ones. What the namespace holds already stays, also beyond a limit: then nothing can be added.',
  access: 'server-admin',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation SetQuota {
      setQuota(input: { namespace: "default", limits: { maximumImageStreams: 1000, maximumSize: 500000000000 } }) {
        quota { maximumImageStreams imageStreamCount }
      }
    }
  `,
  input: SetQuotaInput,
  inputDescription: 'The limits.',
  payload: SetQuotaPayload,
  resolve: ({ namespace, limits }, { quotas, viewer }) => ({
    quota: quotas.set(viewer, namespace, limits ? limitsOf(limits) : null),
  }),
})

const limitsOf = ({
  maximumImageStreams,
  maximumTags,
  maximumSize,
  requestsPerHour,
}: typeof QuotaLimitsInput.$inferInput): QuotaLimits => ({
  streams: maximumImageStreams ?? null,
  tags: maximumTags ?? null,
  bytes: maximumSize ?? null,
  requestsPerHour: requestsPerHour ?? null,
})
