/** Where the objects of a kind are in the API, and what this server does with them. */
export interface ObservedKind {
  readonly kind: string
  readonly apiVersion: string
  readonly resource: string
  /** Whether its triggers are an annotation, so that lists with metadata alone find them. */
  readonly isAnnotated: boolean
  /** Verbs that are needed besides `get`, `list` and `watch`. */
  readonly verbs: readonly string[]
}

const annotated = (kind: string, apiVersion: string, resource: string): ObservedKind => ({
  kind,
  apiVersion,
  resource,
  isAnnotated: true,
  verbs: ['patch'],
})

/** The kinds whose objects may have triggers. Clusters without OpenShift lack the last two. */
export const OBSERVED_KINDS: readonly ObservedKind[] = [
  annotated('Deployment', 'apps/v1', 'deployments'),
  annotated('StatefulSet', 'apps/v1', 'statefulsets'),
  annotated('DaemonSet', 'apps/v1', 'daemonsets'),
  annotated('ReplicaSet', 'apps/v1', 'replicasets'),
  annotated('CronJob', 'batch/v1', 'cronjobs'),
  annotated('Pod', 'v1', 'pods'),
  {
    ...annotated('DeploymentConfig', 'apps.openshift.io/v1', 'deploymentconfigs'),
    isAnnotated: false,
  },
  {
    ...annotated('BuildConfig', 'build.openshift.io/v1', 'buildconfigs'),
    isAnnotated: false,
    verbs: [],
  },
]
