import { invalid, quoted } from '../../../input/errors.ts'
import type { ActionKind, CheckedAction } from '../action-kind.ts'
import { checkObjectName } from './fields.ts'

// The requests are sent by another room, which has the credentials of the cluster.

/** Kinds of the objects in which an image can be set. */
export const WORKLOADS: readonly string[] = [
  'Deployment',
  'DeploymentConfig',
  'StatefulSet',
  'DaemonSet',
  'CronJob',
  'ReplicaSet',
  'Pod',
]

/** An object of a cluster. */
export interface ClusterTarget {
  /** Namespace in the cluster, which must be opened to that of the trigger. */
  readonly namespace: string
  readonly name: string
}

/** A container in an object of a cluster. */
export interface ContainerTarget extends ClusterTarget {
  /** One of WORKLOADS. */
  readonly kind: string
  /** Name of a container or an init container. */
  readonly container: string
}

/** What is stored of an action in a cluster. */
export interface InCluster<Target> {
  /** Name of a cluster that a server admin has connected. */
  readonly cluster: string
  readonly target: Target
}

/** An action in a cluster as given. */
export type ClusterInput<Target> = Target & { readonly cluster: string }

/** Sets the image of a container. */
export const SET_IMAGE: ActionKind<ClusterInput<ContainerTarget>, InCluster<ContainerTarget>> = {
  check({ cluster, ...target }, field) {
    if (!WORKLOADS.includes(target.kind)) {
      throw invalid(`${field}.kind`, `is ${quoted(target.kind)}: it must be one of ${WORKLOADS.join(', ')}`)
    }
    checkObjectName(target.container, `${field}.container`)
    return checked({ cluster, target }, field)
  },
}

/** Starts a build of a BuildConfig. */
export const START_BUILD: ActionKind<ClusterInput<ClusterTarget>, InCluster<ClusterTarget>> = {
  check: ({ cluster, ...target }, field) => checked({ cluster, target }, field),
}

/** Whether the cluster exists, and is opened to the trigger’s namespace, is checked at each attempt: both can change. */
function checked<Target extends ClusterTarget>(
  settings: InCluster<Target>,
  field: string,
): CheckedAction<InCluster<Target>> {
  checkObjectName(settings.cluster, `${field}.cluster`)
  checkObjectName(settings.target.namespace, `${field}.namespace`)
  checkObjectName(settings.target.name, `${field}.name`)
  // deliveries to a cluster that does not respond delay no others
  return { settings, host: `cluster ${settings.cluster}`, secrets: {}, neededSecrets: [] }
}
