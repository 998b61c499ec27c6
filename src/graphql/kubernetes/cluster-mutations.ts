import type { Cluster } from '../../kubernetes/cluster/cluster.ts'
import { checkWait, inputType, MAX_WAIT, mutation } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { clusterId } from './cluster.ts'
import { ClusterType } from './references.ts'

const ClusterOpeningInput = inputType('ClusterOpeningInput', {
  description: 'Namespaces of a cluster whose workloads use image streams of this server.',
  fields: (t) => ({
    clusterNamespaces: t.requiredString(
      'Pattern over the namespaces of the cluster; `*` matches any characters.',
    ),
    namespaces: t.string(
      'Pattern over the namespaces of the image streams. If omitted, each namespace of the cluster uses the image streams of the namespace with its own name.',
    ),
  }),
})

const ConnectClusterInput = inputType('ConnectClusterInput', {
  description: 'A cluster to connect.',
  fields: (t) => ({
    name: t.requiredString('Name of the cluster: 1 to 63 lower case letters, digits, `-` and `.`.'),
    kubeconfig: t.string(
      'Kubeconfig whose current context is used, with its secrets inside; at most 256 KiB. The server stores it encrypted and never returns it. If omitted, the service account of the pod in which this server runs.',
    ),
    openings: t.list(
      ClusterOpeningInput,
      'Which namespaces of the cluster use the image streams of which namespaces; at most 100. If omitted, each uses those of the namespace with its own name.',
    ),
  }),
})

const UpdateClusterInput = inputType('UpdateClusterInput', {
  description: 'Changes of a cluster. Omitted fields do not change.',
  fields: (t) => ({
    name: t.requiredString('Name of the cluster.'),
    kubeconfig: t.string(
      'New kubeconfig, at most 256 KiB; null for the service account of the pod in which this server runs.',
    ),
    openings: t.list(
      ClusterOpeningInput,
      'Openings that replace the present ones, at most 100. An empty list closes the cluster to all namespaces.',
    ),
  }),
})

const DisconnectClusterInput = inputType('DisconnectClusterInput', {
  description: 'A cluster to disconnect.',
  fields: (t) => ({ name: t.requiredString('Name of the cluster.') }),
})

const TestClusterInput = inputType('TestClusterInput', {
  description: 'A cluster whose connection is tested.',
  fields: (t) => ({
    name: t.requiredString('Name of the cluster.'),
    waitSeconds: t.int({
      required: true,
      defaultValue: 30,
      description: `Number of seconds to wait for the API server, 0 to ${MAX_WAIT}; the default is 30.`,
    }),
  }),
})

const clusterPayload = (name: string, description: string) =>
  objectType<{ cluster: Cluster }>(name, {
    description,
    properties: (t) => ({ cluster: t.one(ClusterType, 'The cluster.') }),
  })

const DisconnectClusterPayload = objectType<{ cluster: Cluster }>('DisconnectClusterPayload', {
  description: 'The disconnected cluster.',
  properties: (t) => ({ cluster: t.one(ClusterType, 'The cluster in its state before.') }),
  fields: (t) => ({
    deletedId: t.id({
      description: 'Global `id` of the cluster, which `node(id:)` no longer finds.',
      resolve: ({ cluster }) => clusterId(cluster),
    }),
  }),
})

mutation('connectCluster', {
  description:
    'Connects a Kubernetes or OpenShift cluster. From then on its workloads are observed, and those with the annotation `image.openshift.io/triggers` get the images of the image streams that they name. `ALREADY_EXISTS` if the name is used.',
  access: 'server-admin',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # A cluster whose namespaces "shop-…" use the image streams of the namespace "shop".
    mutation ConnectCluster($kubeconfig: String!) {
      connectCluster(input: {
        name: "production", kubeconfig: $kubeconfig, openings: [{ clusterNamespaces: "shop-*", namespaces: "shop" }]
      }) { cluster { id name server } }
    }
  `,
  input: ConnectClusterInput,
  inputDescription: 'The cluster.',
  payload: clusterPayload('ConnectClusterPayload', 'The new cluster, which is contacted from now on.'),
  resolve: async (input, { viewer, kubernetes }) => ({
    cluster: await kubernetes.clusters.connect(viewer, input),
  }),
})

mutation('updateCluster', {
  description:
    'Changes how a cluster is reached, or which namespaces use it. `NOT_FOUND` if there is no such cluster.',
  access: 'server-admin',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation UpdateCluster {
      updateCluster(input: { name: "production", openings: [{ clusterNamespaces: "*" }] }) {
        cluster { openings { clusterNamespaces namespaces } }
      }
    }
  `,
  input: UpdateClusterInput,
  inputDescription: 'The changes.',
  payload: clusterPayload('UpdateClusterPayload', 'The changed cluster, which is contacted again.'),
  resolve: async (input, { viewer, kubernetes }) => ({
    cluster: await kubernetes.clusters.update(viewer, input),
  }),
})

mutation('testCluster', {
  description:
    'Contacts the API server of a cluster, and checks every permission that this server needs there. The result is in `conditions`. `NOT_FOUND` if there is no such cluster.',
  access: 'server-admin',
  complexity: MUTATION_COMPLEXITY.remote,
  example: `
    # Whether the cluster responds, and which permissions are missing.
    mutation TestCluster {
      testCluster(input: { name: "production", waitSeconds: 5 }) { cluster { conditions { type status message remedy } } }
    }
  `,
  input: TestClusterInput,
  inputDescription: 'The cluster.',
  payload: clusterPayload('TestClusterPayload', 'The cluster after the test.'),
  resolve: async ({ name, waitSeconds }, { viewer, kubernetes, work }) => ({
    cluster: await kubernetes.testCluster(viewer, name, {
      milliseconds: checkWait(waitSeconds) * 1000,
      signal: work.signal,
    }),
  }),
})

mutation('disconnectCluster', {
  description:
    'Disconnects a cluster with its secrets, and forgets its workloads, which continue to run there. Their images are no longer kept for them. `NOT_FOUND` if there is no such cluster.',
  access: 'server-admin',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation DisconnectCluster {
      disconnectCluster(input: { name: "production" }) { deletedId }
    }
  `,
  input: DisconnectClusterInput,
  inputDescription: 'The cluster to disconnect.',
  payload: DisconnectClusterPayload,
  resolve: ({ name }, { viewer, kubernetes }) => ({ cluster: kubernetes.clusters.disconnect(viewer, name) }),
})
