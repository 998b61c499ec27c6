import type { Viewer } from '../../access/right/viewer.ts'
import type { clusters } from '../../db/tables/cluster.ts'
import { matchesGlob } from '../../input/glob.ts'
import type { Condition } from './condition.ts'

export type ClusterRow = typeof clusters.$inferSelect

/** What a condition of a cluster is about. */
export type ClusterConditionType =
  /** The API server responds. */
  | 'REACHABLE'
  /** The server may do there what it has to. */
  | 'PERMITTED'
  /** All pods and all objects with triggers are stored. */
  | 'COMPLETE'

export type ClusterCondition = Condition<ClusterConditionType>

/** Namespaces of a cluster, and those of our namespaces whose streams their workloads use. */
export interface Opening {
  /** Pattern over the namespaces of the cluster. */
  readonly clusterNamespaces: string
  /** Pattern over our namespaces; null for the one with the same name. */
  readonly namespaces: string | null
}

/** A cluster, without its kubeconfig. */
export interface Cluster extends Omit<ClusterRow, 'openings' | 'conditions'> {
  readonly openings: readonly Opening[]
  readonly conditions: readonly ClusterCondition[]
}

/** The opening of a new cluster: each of its namespaces uses the streams of the namespace with the same name. */
export const SAME_NAMES: Opening = { clusterNamespaces: '*', namespaces: null }

/** Returns the cluster in a row. */
export const clusterOf = (row: ClusterRow): Cluster => ({
  ...row,
  openings: JSON.parse(row.openings) as Opening[],
  conditions: JSON.parse(row.conditions) as ClusterCondition[],
})

type Opened = Pick<Cluster, 'openings'>

/** Reports whether workloads in a namespace of the cluster use the streams of one of our namespaces. */
export const isOpenTo = ({ openings }: Opened, clusterNamespace: string, namespace: string): boolean =>
  openings.some(
    ({ clusterNamespaces, namespaces }) =>
      matchesGlob(clusterNamespaces, clusterNamespace) &&
      (namespaces === null ? namespace === clusterNamespace : matchesGlob(namespaces, namespace)),
  )

/** Returns the openings to namespaces in which the viewer may view anything; all for a server admin. */
export function visibleOpenings({ openings }: Opened, { rights }: Viewer): readonly Opening[] {
  const namespaces = rights.isServerAdmin ? null : rights.namespacesWith('view', 'PART')
  if (namespaces === null) return openings
  return openings.filter(({ clusterNamespaces, namespaces: pattern }) =>
    namespaces.some((namespace) => matchesGlob(pattern ?? clusterNamespaces, namespace)),
  )
}

/** Reports whether the cluster is opened to a namespace in which the viewer may view anything. */
export const seesCluster = (viewer: Viewer, cluster: Opened): boolean =>
  viewer.rights.isServerAdmin || visibleOpenings(cluster, viewer).length > 0
