import type { ActionKind, CheckedAction } from '../action-kind.ts'
import { checkObjectName } from './fields.ts'

// The requests are sent by another room, which has the credentials of the cluster.

/** Kind of the objects in which an image can be set. */
type WorkloadKind =
  | 'Deployment'
  | 'DeploymentConfig'
  | 'StatefulSet'
  | 'DaemonSet'
  | 'CronJob'
  | 'ReplicaSet'
  | 'Pod'

/** An object of a cluster. */
export interface ClusterTarget {
  /** Namespace in the cluster, which must be opened to that of the trigger. */
  readonly namespace: string
  readonly name: string
}

/** A container in an object of a cluster. */
export interface ContainerTarget extends ClusterTarget {
  readonly kind: WorkloadKind
  /** Name of a container or an init container. */
  readonly container: string
}

/** What is stored of an action in a cluster. */
export interface InCluster<Target> {
  /** Name of a cluster that a server admin has connected. */
  readonly cluster: string
  readonly target: Target
}

interface ClusterInput {
  readonly cluster: string
  readonly clusterNamespace: string
}

/** A container in a cluster as given. */
export interface SetImageInput extends ClusterInput, Pick<ContainerTarget, 'kind' | 'container'> {
  readonly workload: string
}

/** A BuildConfig in a cluster as given. */
export interface StartBuildInput extends ClusterInput {
  readonly buildConfig: string
}

/** Sets the image of a container. */
export const SET_IMAGE: ActionKind<SetImageInput, InCluster<ContainerTarget>> = {
  check({ kind, workload, container, ...input }, field) {
    const name = checkObjectName(workload, `${field}.workload`)
    checkObjectName(container, `${field}.container`)
    return inCluster(input, { kind, name, container }, field)
  },
}

/** Starts a build of a BuildConfig. */
export const START_BUILD: ActionKind<StartBuildInput, InCluster<ClusterTarget>> = {
  check({ buildConfig, ...input }, field) {
    return inCluster(input, { name: checkObjectName(buildConfig, `${field}.buildConfig`) }, field)
  },
}

/** Whether the cluster exists, and is opened to the trigger’s namespace, is checked at each attempt: both can change. */
function inCluster<Target>(
  { cluster, clusterNamespace }: ClusterInput,
  target: Target,
  field: string,
): CheckedAction<InCluster<Target & { readonly namespace: string }>> {
  checkObjectName(cluster, `${field}.cluster`)
  const namespace = checkObjectName(clusterNamespace, `${field}.clusterNamespace`)
  // deliveries to a cluster that does not respond delay no others
  return {
    settings: { cluster, target: { ...target, namespace } },
    host: `cluster ${cluster}`,
    secrets: {},
    neededSecrets: [],
  }
}
