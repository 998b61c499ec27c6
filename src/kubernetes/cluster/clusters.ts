import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import { requireServerAdmin, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import { AlreadyExistsError, InvalidInputError, NotFoundError } from '../../input/errors.ts'
import type { Sealer } from '../../secrets/sealer.ts'
import { type Cluster, type ClusterCondition, SAME_NAMES, seesCluster } from './cluster.ts'
import { checkClusterName, checkKubeconfigLength, checkOpenings, type OpeningInput } from './cluster-input.ts'
import { type ClusterSettings, createClusterRows } from './cluster-rows.ts'
import { withCondition } from './condition.ts'
import { createClusterSecrets } from './secrets.ts'

/** How a cluster is reached, and who may use it. A field that is undefined keeps its value. */
export interface ClusterChange {
  readonly name: string
  /** Null for the service account of the pod in which this server runs. */
  readonly kubeconfig?: string | null | undefined
  readonly openings?: readonly OpeningInput[] | null | undefined
}

export interface ClustersDependencies {
  readonly db: Database
  readonly sealer: Sealer
  readonly audit: AuditRecorder
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Returns the URL of the API server; of the pod's own cluster for null. Rejects with InvalidInputError. */
  readonly serverOf: (kubeconfig: string | null) => Promise<string>
}

type Connection = Pick<ClusterSettings, 'access' | 'server'>

/** The connected clusters. */
export type Clusters = ReturnType<typeof createClusters>

/** Most clusters: each has several watches. */
export const MAX_CLUSTERS = 100
/** Milliseconds: successful contacts within it are not written. */
const CONTACT_PRECISION = 60_000

const missing = (name: string): NotFoundError => new NotFoundError(`there is no cluster ${name}`)

/** Creates the connected clusters. Only server admins change them; viewers see those that are opened to their namespaces. */
export function createClusters({ db, sealer, audit, now, serverOf }: ClustersDependencies) {
  const rows = createClusterRows(db)
  const secrets = createClusterSecrets(db, sealer)
  const listeners: ((id: number) => void)[] = []

  const finish = (tx: Transaction, viewer: Viewer, action: string, cluster: Cluster): Cluster => {
    const { id, name, access, server, openings } = cluster
    audit.record(tx, viewer, { action, namespace: null, target: name, details: { access, server, openings } })
    tx.afterCommit(() => {
      for (const listener of listeners) listener(id)
    })
    return cluster
  }
  const connectionOf = async (kubeconfig: string | null): Promise<Connection> => {
    if (kubeconfig !== null) checkKubeconfigLength(kubeconfig)
    const server = await serverOf(kubeconfig)
    return { access: kubeconfig === null ? 'SERVICE_ACCOUNT' : 'KUBECONFIG', server }
  }
  const existing = (name: string): Cluster => {
    const cluster = rows.byName(name)
    if (!cluster) throw missing(name)
    return cluster
  }

  return {
    /** Returns all clusters, by name; for the server's own work. */
    all: rows.all,

    /** Returns the clusters that the viewer sees, by name. */
    seenBy: (viewer: Viewer): Cluster[] => rows.all().filter((cluster) => seesCluster(viewer, cluster)),

    /** Returns the cluster of a row; undefined if it does not exist, or the viewer does not see it. */
    byId(viewer: Viewer, id: number): Cluster | undefined {
      const cluster = rows.byId(id)
      return cluster && seesCluster(viewer, cluster) ? cluster : undefined
    },

    /** Returns the clusters of rows, as `byId`. */
    byIds: (viewer: Viewer, ids: readonly number[]): Map<number, Cluster> =>
      new Map(
        rows
          .all()
          .filter((cluster) => ids.includes(cluster.id) && seesCluster(viewer, cluster))
          .map((cluster) => [cluster.id, cluster]),
      ),

    /** Returns the cluster with the name; undefined if it does not exist, or the viewer does not see it. */
    byName(viewer: Viewer, name: string): Cluster | undefined {
      const cluster = rows.byName(name)
      return cluster && seesCluster(viewer, cluster) ? cluster : undefined
    },

    /** Returns the kubeconfig of a cluster; null for the pod's service account. Throws BrokenSealError. */
    kubeconfigOf: secrets.open,

    /** Calls the listener with the id of a cluster after the commit that connected, changed or disconnected it. */
    onChanged: (listener: (id: number) => void): void => void listeners.push(listener),

    /** Connects a cluster. Rejects with ForbiddenError, UnauthenticatedError, InvalidInputError, AlreadyExistsError. */
    async connect(viewer: Viewer, { name, kubeconfig = null, openings }: ClusterChange): Promise<Cluster> {
      requireServerAdmin(viewer)
      checkClusterName(name)
      const opened = checkOpenings(openings ?? [SAME_NAMES])
      const connection = await connectionOf(kubeconfig)
      return db.transact((tx) => {
        if (rows.byName(name)) {
          throw new AlreadyExistsError(`there is a cluster ${name} already: updateCluster changes it`)
        }
        if (rows.count() >= MAX_CLUSTERS) {
          throw new InvalidInputError('name', `there are at most ${MAX_CLUSTERS} clusters`)
        }
        const cluster = rows.insert(name, { ...connection, openings: opened }, now())
        secrets.set(cluster, kubeconfig)
        return finish(tx, viewer, 'connectCluster', cluster)
      })
    },

    /** Changes a cluster. Rejects with NotFoundError, and with the errors of `connect`. */
    async update(viewer: Viewer, { name, kubeconfig, openings }: ClusterChange): Promise<Cluster> {
      requireServerAdmin(viewer)
      const opened = openings == null ? undefined : checkOpenings(openings)
      const connection = kubeconfig === undefined ? undefined : await connectionOf(kubeconfig)
      return db.transact((tx) => {
        const { id, ...old } = existing(name)
        const { access, server } = connection ?? old
        const cluster = rows.update(id, { access, server, openings: opened ?? old.openings }, now())
        if (kubeconfig !== undefined) secrets.set(cluster, kubeconfig)
        return finish(tx, viewer, 'updateCluster', cluster)
      })
    },

    /** Disconnects a cluster and forgets its workloads, which continue to run. Throws NotFoundError, and as `connect`. */
    disconnect: (viewer: Viewer, name: string): Cluster =>
      db.transact((tx) => {
        requireServerAdmin(viewer)
        const cluster = existing(name)
        rows.delete(cluster.id)
        return finish(tx, viewer, 'disconnectCluster', cluster)
      }),

    /** Records that the viewer tests the connection, and returns the cluster. Throws NotFoundError, and as `connect`. */
    recordTest: (viewer: Viewer, name: string): Cluster =>
      db.transact((tx) => {
        requireServerAdmin(viewer)
        const cluster = existing(name)
        const { server } = cluster
        audit.record(tx, viewer, {
          action: 'testCluster',
          namespace: null,
          target: name,
          details: { server },
        })
        return cluster
      }),

    /** Stores a condition of a cluster, which may be disconnected meanwhile. A condition that is MET is a contact. */
    report(id: number, condition: Omit<ClusterCondition, 'since'>): void {
      const cluster = rows.byId(id)
      if (!cluster) return
      const at = now()
      const conditions = withCondition(cluster.conditions, { ...condition, since: at })
      const isContact = condition.type === 'REACHABLE' && condition.status === 'MET'
      const contactedAt = isContact ? at : cluster.contactedAt
      const isSame = JSON.stringify(conditions) === JSON.stringify(cluster.conditions)
      if (isSame && (contactedAt ?? 0) - (cluster.contactedAt ?? 0) < CONTACT_PRECISION) return
      db.transact(() => rows.setHealth(id, { conditions, contactedAt }))
    },
  }
}
