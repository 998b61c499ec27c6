import type { Viewer } from '../../access/right/viewer.ts'
import { Deadline } from '../../concurrency/abort.ts'
import { BrokenSealError } from '../../secrets/sealer.ts'
import { KubernetesError } from '../client/errors.ts'
import type { KubernetesClient } from '../client/kubernetes-client.ts'
import type { Cluster } from './cluster.ts'
import type { Clusters } from './clusters.ts'
import type { ObservedKind } from './kinds.ts'
import { kindsOf, missingPermissions, rulesOf } from './permissions.ts'

/** Creates the client of a cluster. Rejects with BrokenSealError for a kubeconfig that cannot be opened, and InvalidInputError. */
export type ConnectTo = (cluster: Cluster) => Promise<KubernetesClient>

interface ContactDependencies {
  readonly clusters: Pick<Clusters, 'report' | 'recordTest' | 'byId'>
  readonly connectTo: ConnectTo
}

/** Contacts with clusters, whose results are conditions of the clusters. */
export type Contacts = ReturnType<typeof createContacts>

/** Creates contacts with clusters. */
export function createContacts({ clusters, connectTo }: ContactDependencies) {
  const fail = ({ id }: Cluster, error: unknown): void => clusters.report(id, reachability(error))

  /**
   * Contacts a cluster, and checks its permissions. Returns its client, and the kinds that it has; undefined if it cannot be
   * reached, which its conditions explain. Rejects with the reason of the signal once it is aborted.
   */
  const contact = async (
    cluster: Cluster,
    signal: AbortSignal,
  ): Promise<{ client: KubernetesClient; kinds: ObservedKind[] } | undefined> => {
    try {
      const client = await connectTo(cluster)
      const kinds = await kindsOf(client, signal)
      const missing = await missingPermissions(client, kinds, signal)
      clusters.report(cluster.id, REACHABLE)
      clusters.report(cluster.id, {
        type: 'PERMITTED',
        status: missing.length === 0 ? 'MET' : 'NOT_MET',
        message:
          missing.length === 0
            ? 'the server may observe and change workloads in all namespaces'
            : `${missing.length} permissions are missing in all namespaces`,
        remedy:
          missing.length === 0
            ? null
            : `add to a ClusterRole that is bound to this server's account: ${rulesOf(missing)}`,
      })
      return { client, kinds }
    } catch (error) {
      if (signal.aborted) throw signal.reason
      fail(cluster, error)
      return undefined
    }
  }

  return {
    contact,

    /** Reports a failure of a later request, or for undefined a success. */
    note(cluster: Cluster, error?: unknown): void {
      // found, with what to do, by the next check of the permissions and of the kinds
      if (error instanceof KubernetesError && (error.status === 403 || error.status === 404)) return
      if (error === undefined) clusters.report(cluster.id, REACHABLE)
      else fail(cluster, error)
    },

    /** Tests a cluster, for at most so many milliseconds. Throws NotFoundError, ForbiddenError, UnauthenticatedError. */
    async test(
      viewer: Viewer,
      name: string,
      { milliseconds, signal }: { readonly milliseconds: number; readonly signal: AbortSignal },
    ): Promise<Cluster> {
      const cluster = clusters.recordTest(viewer, name)
      using deadline = new Deadline(milliseconds, signal)
      await contact(cluster, deadline.signal).catch((error: unknown) => {
        if (signal.aborted || !deadline.signal.aborted) throw error
        fail(cluster, new Error(`the API server has not responded within ${milliseconds / 1000} seconds`))
      })
      return clusters.byId(viewer, cluster.id) ?? cluster
    },
  }
}

const REACHABLE = {
  type: 'REACHABLE',
  status: 'MET',
  message: 'the API server responds',
  remedy: null,
} as const

/** Returns the condition of a failure, with what to do about it. */
function reachability(error: unknown) {
  const message = error instanceof Error ? error.message : String(error)
  return { type: 'REACHABLE', status: 'NOT_MET', message, remedy: remedyOf(error) } as const
}

function remedyOf(error: unknown): string {
  if (error instanceof BrokenSealError) return 'set the kubeconfig again with updateCluster'
  const status = error instanceof KubernetesError ? error.status : null
  if (status === 401) {
    return 'the credential is not accepted: set a kubeconfig with a valid one with updateCluster, or check the service account'
  }
  if (status === 403) return 'grant the account of this server the permissions that testCluster names'
  return 'check the URL, the certificates and the network between this server and the API server; private networks need --private-networks'
}
