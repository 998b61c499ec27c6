import { systemClock } from '../concurrency/clock.ts'
import type { Egress } from '../egress/egress.ts'
import type { KubernetesView } from '../graphql/kit/context.ts'
import { createKubernetesClient } from '../kubernetes/client/client.ts'
import type { ClusterConnection } from '../kubernetes/client/connection.ts'
import { parseKubeconfig } from '../kubernetes/client/kubeconfig.ts'
import { SERVICE_ACCOUNT_FOLDER, serviceAccountConnection } from '../kubernetes/client/service-account.ts'
import { createClusters } from '../kubernetes/cluster/clusters.ts'
import { createContacts } from '../kubernetes/cluster/contact.ts'
import { createImageLinks } from '../kubernetes/observe/links.ts'
import { createObservers } from '../kubernetes/observe/observers.ts'
import { createWorkloadReads } from '../kubernetes/observe/workload-reads.ts'
import { createWorkloadRows } from '../kubernetes/observe/workload-rows.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { SharedParts } from './parts.ts'
import { registryHostOf } from './registry.ts'

interface KubernetesParts extends SharedParts {
  readonly sealer: Sealer
  readonly egress: Egress
}

/** Clusters and their workloads, joined. */
export interface KubernetesRooms {
  readonly view: KubernetesView
  /** Starts to observe all clusters; called once the server listens. */
  start(): void
}

/** Name of the API server inside of each cluster. */
const OWN_CLUSTER = 'kubernetes.default.svc'

/** Joins clusters with their API servers, and with the streams whose images they run. */
export function openKubernetes(parts: KubernetesParts): KubernetesRooms {
  const { db, audit, sealer, egress, now, log, opened } = parts
  const connectionOf = async (kubeconfig: string | null): Promise<ClusterConnection> =>
    kubeconfig === null
      ? serviceAccountConnection({ host: OWN_CLUSTER, port: undefined, folder: SERVICE_ACCOUNT_FOLDER })
      : parseKubeconfig(kubeconfig, { context: null, now: now() })
  const clusters = createClusters({
    db,
    sealer,
    audit,
    now,
    serverOf: async (kubeconfig) => (await connectionOf(kubeconfig)).server,
  })
  const contacts = createContacts({
    clusters,
    connectTo: async (cluster) =>
      createKubernetesClient(await connectionOf(clusters.kubeconfigOf(cluster)), {
        request: egress.request,
        now,
      }),
  })
  const registryHost = registryHostOf(parts)
  const observers = opened.use(
    createObservers({
      db,
      clusters,
      contacts,
      rows: createWorkloadRows(db, now),
      links: createImageLinks({ db, isOwnRegistry: (registry) => registry === registryHost() }),
      sleep: systemClock.sleep,
      random: Math.random,
      onDue: () => {},
      onError: (error) => log.error({ err: error }, 'cannot observe a cluster'),
    }),
  )
  return {
    view: { clusters, testCluster: contacts.test, workloads: createWorkloadReads(db) },
    start: observers.start,
  }
}
