import {
  type Cluster,
  type ClusterCondition,
  type Opening,
  visibleOpenings,
} from '../../kubernetes/cluster/cluster.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { listConnection } from '../kit/list-page.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { enumType, objectType } from '../kit/types.ts'
import { ClusterType } from './references.ts'

registerRowNode('Cluster', {
  load: (id, { viewer, kubernetes }) => kubernetes.clusters.byId(viewer, id),
  access: 'load',
})

/** Returns the global id of a cluster. */
export const clusterId = ({ id }: Pick<Cluster, 'id'>): string => nodeId('Cluster', id)

const ClusterAccessEnum = enumType('ClusterAccess', {
  description: 'How this server signs in to a cluster.',
  values: {
    KUBECONFIG: 'With a kubeconfig, which is stored encrypted.',
    SERVICE_ACCOUNT: 'With the service account of the pod in which this server runs, in the same cluster.',
  },
})

const ClusterConditionTypeEnum = enumType('ClusterConditionType', {
  description: 'What a condition of a cluster is about.',
  values: {
    REACHABLE: 'Whether the API server of the cluster responds.',
    PERMITTED:
      'Whether this server may list, watch and change workloads there. `remedy` has the missing rules for a ClusterRole.',
    COMPLETE:
      'Whether all pods and all objects with triggers of the cluster are stored: at most 10000 pods, and 10000 objects of each kind.',
  },
})

const ClusterConditionStatusEnum = enumType('ClusterConditionStatus', {
  description: 'Status of a condition of a cluster.',
  values: { MET: 'The condition holds.', NOT_MET: 'The condition does not hold.' },
})

const ClusterConditionType = objectType<ClusterCondition>('ClusterCondition', {
  description: 'A condition of a cluster, with what to do when it is not met.',
  properties: (t) => ({
    type: t.one(ClusterConditionTypeEnum, 'What the condition is about.'),
    status: t.one(ClusterConditionStatusEnum, 'Status of the condition.'),
    message: t.string('Explanation for people of the status.'),
    remedy: t.stringOrNull('What a person can do; null if the condition is met.'),
  }),
  fields: (t) => ({
    lastTransitionTime: t.expose('since', {
      type: 'DateTime',
      description: 'Time at which the status last changed.',
    }),
  }),
})

const ClusterOpeningType = objectType<Opening>('ClusterOpening', {
  description: 'Namespaces of a cluster whose workloads use image streams of this server.',
  properties: (t) => ({
    clusterNamespaces: t.string('Pattern over the namespaces of the cluster; `*` matches any characters.'),
    namespaces: t.stringOrNull(
      'Pattern over the namespaces of the image streams. Null: each namespace of the cluster uses the image streams of the namespace with its own name.',
    ),
  }),
})

objectType(ClusterType, {
  description:
    'A Kubernetes or OpenShift cluster whose workloads run images of this server. Server admins see all of it, other viewers see what concerns their namespaces.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    name: t.string('Name of the cluster.'),
    contactedAt: t.dateTimeOrNull(
      'Time at which its API server last responded, to the minute; null if it never did.',
    ),
    createdAt: t.dateTime('Time at which the cluster was connected.'),
  }),
  fields: (t) => ({
    id: t.id({ description: 'Global identifier of the cluster.', resolve: clusterId }),
    access: t.field({
      type: ClusterAccessEnum,
      nullable: true,
      description: 'How this server signs in; null unless the viewer is a server admin.',
      resolve: ({ access }, _args, { viewer }) => (viewer.rights.isServerAdmin ? access : null),
    }),
    server: t.string({
      nullable: true,
      description: 'URL of the API server; null unless the viewer is a server admin.',
      resolve: ({ server }, _args, { viewer }) => (viewer.rights.isServerAdmin ? server : null),
    }),
    changedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'Time at which the connection or the openings last changed.',
    }),
    openings: t.field({
      type: [ClusterOpeningType],
      description:
        'Which namespaces of the cluster use the image streams of which namespaces; at most 100. Viewers see those that concern a namespace in which they may view image streams.',
      resolve: (cluster, _args, { viewer }) => visibleOpenings(cluster, viewer),
    }),
    conditions: t.field({
      type: [ClusterConditionType],
      description: 'Conditions of the connection, at most one of each type; empty before the first contact.',
      resolve: ({ conditions }) => conditions,
    }),
  }),
})

const ClusterConnection = connectionType('Cluster', ClusterType, { items: 'clusters' })
const keyOf = ({ name }: Cluster): [string] => [name]
const cursors = keyCursors<Cluster>('clusters', keyOf, ['string'])

builder.queryFields((t) => ({
  clusters: t.field({
    type: ClusterConnection,
    description:
      'Returns the connected clusters, by name; there are at most 100. Viewers see those that are opened to a namespace in which they may view image streams.',
    access: 'anyone',
    example: `
      query Clusters {
        clusters(first: 10) { nodes { name contactedAt openings { clusterNamespaces namespaces } conditions { type status message remedy } } }
      }
    `,
    args: connectionArgs,
    complexity: pageComplexity,
    resolve: (_query, args, { viewer, kubernetes }, info) =>
      listConnection(args, info, { cursors, keyOf, items: kubernetes.clusters.seenBy(viewer) }),
  }),
  cluster: t.field({
    type: ClusterType,
    nullable: true,
    description:
      'Returns the cluster with a name; null if there is none, or if it is not opened to a namespace of the viewer.',
    access: 'anyone',
    example: `
      # Whether the cluster can be reached, and what is missing.
      query Cluster {
        cluster(name: "production") { name contactedAt conditions { type status message remedy lastTransitionTime } }
      }
    `,
    args: { name: t.arg.string({ required: true, description: 'Name of the cluster.' }) },
    resolve: (_query, { name }, { viewer, kubernetes }) => kubernetes.clusters.byName(viewer, name),
  }),
}))
