import type { AppOverrides } from '../../src/app/app.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { type FakeCluster, startFakeCluster } from '../fixtures/kubernetes/fake-cluster.ts'
import { kubeconfigOf } from '../fixtures/kubernetes/kubectl.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'

/** A server that is connected to a cluster, whose namespace `shop` uses the streams of `shop`. */
export interface KubernetesWorld extends AsyncDisposable {
  readonly app: TestApp
  readonly kubernetes: FakeCluster
  /** The integrated registry in pull specs, also after a restart. */
  readonly host: () => string
  /** Pushes an image, which differs for each seed, and returns its digest. */
  push(seed: string, to?: { readonly repository: string; readonly tag: string }): Promise<Digest>
}

const HOST = 'registry.test'
const CONNECT = `mutation ($name: String!, $kubeconfig: String!) {
  connectCluster(input: { name: $name, kubeconfig: $kubeconfig }) { cluster { name } } }`

/** Connects a cluster. */
export const connectCluster = (client: GraphQLClient, kubernetes: FakeCluster, name = 'production') =>
  client.request(CONNECT, { name, kubeconfig: kubeconfigOf(kubernetes) })

/** Starts a server and a cluster. */
export async function startKubernetesWorld(overrides: AppOverrides = {}): Promise<KubernetesWorld> {
  const kubernetes = await startFakeCluster()
  const app = await startApp({ registryHost: HOST }, overrides)
  await connectCluster(app.client, kubernetes)
  return {
    app,
    kubernetes,
    host: () => HOST,
    async push(seed, to = { repository: 'shop/web', tag: 'v1' }) {
      const content = image({ seed })
      await new PushClient(app.app.url).push(to, content, 'one POST')
      return content.digest
    },
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await kubernetes[Symbol.asyncDispose]()
    },
  }
}

/** A workload as the API returns it. */
export interface ReadWorkload {
  readonly cluster: { readonly name: string }
  readonly namespace: string
  readonly kind: string
  readonly name: string
  readonly hasTriggers: boolean
  readonly isContested: boolean
  readonly conditions: readonly {
    readonly reason: string
    readonly message: string
    readonly remedy: string
    readonly fieldPath: string | null
  }[]
  readonly containers: readonly {
    readonly name: string
    readonly specifiedImage: string
    readonly isFollowing: boolean
    readonly isBehind: boolean
    readonly imageStream: { readonly name: string } | null
    readonly tagName: string | null
    readonly running: readonly {
      readonly digest: string
      readonly podCount: number
      readonly startedAt: string
      readonly laterEntryCount: number | null
      readonly behindSeconds: number | null
    }[]
  }[]
}

const WORKLOAD = `cluster { name } namespace kind name hasTriggers isContested conditions { reason message remedy fieldPath }
  containers { name specifiedImage isFollowing isBehind imageStream { name } tagName
    running { digest podCount startedAt laterEntryCount behindSeconds } }`

/** Returns the workloads that a filter, such as `(isBehind: true)`, selects. */
export async function readWorkloads(client: GraphQLClient, filter = ''): Promise<readonly ReadWorkload[]> {
  const { workloads } = await client.request<{ workloads: { nodes: readonly ReadWorkload[] } }>(
    `{ workloads${filter} { nodes { ${WORKLOAD} } } }`,
  )
  return workloads.nodes
}
