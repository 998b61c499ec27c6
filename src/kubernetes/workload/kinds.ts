/** A kind of objects that contain a pod spec. */
export interface WorkloadKind {
  readonly kind: string
  readonly apiVersion: string
  /** Name of the resource in the plural. */
  readonly resource: string
  /** Path of the pod spec in objects: `spec.template.spec`. */
  readonly podSpec: string
  /** Whether the images of an existing object can change. */
  readonly isMutable: boolean
}

const TEMPLATE = 'spec.template.spec'

const KINDS: readonly WorkloadKind[] = [
  { kind: 'Pod', apiVersion: 'v1', resource: 'pods', podSpec: 'spec', isMutable: true },
  { kind: 'Deployment', apiVersion: 'apps/v1', resource: 'deployments', podSpec: TEMPLATE, isMutable: true },
  {
    kind: 'StatefulSet',
    apiVersion: 'apps/v1',
    resource: 'statefulsets',
    podSpec: TEMPLATE,
    isMutable: true,
  },
  { kind: 'DaemonSet', apiVersion: 'apps/v1', resource: 'daemonsets', podSpec: TEMPLATE, isMutable: true },
  { kind: 'ReplicaSet', apiVersion: 'apps/v1', resource: 'replicasets', podSpec: TEMPLATE, isMutable: true },
  {
    kind: 'CronJob',
    apiVersion: 'batch/v1',
    resource: 'cronjobs',
    podSpec: 'spec.jobTemplate.spec.template.spec',
    isMutable: true,
  },
  { kind: 'Job', apiVersion: 'batch/v1', resource: 'jobs', podSpec: TEMPLATE, isMutable: false },
  {
    kind: 'DeploymentConfig',
    apiVersion: 'apps.openshift.io/v1',
    resource: 'deploymentconfigs',
    podSpec: TEMPLATE,
    isMutable: true,
  },
]

/** The kinds by name. */
export const WORKLOAD_KINDS: ReadonlyMap<string, WorkloadKind> = new Map(KINDS.map((one) => [one.kind, one]))

/** Where BuildConfigs are in the API. */
export const BUILD_CONFIGS = { apiVersion: 'build.openshift.io/v1', resource: 'buildconfigs' } as const

/** Where an object is in its cluster. */
export interface ObjectAddress {
  readonly namespace: string
  readonly name: string
}

/** Where an object with a pod spec is in its cluster. */
export interface WorkloadAddress extends ObjectAddress {
  /** A kind of WORKLOAD_KINDS. */
  readonly kind: string
}
