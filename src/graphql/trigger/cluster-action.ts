import type { ClusterTarget, ContainerTarget, InCluster } from '../../triggers/content/kinds/cluster.ts'
import { inputType } from '../kit/inputs.ts'
import { enumType, objectType } from '../kit/types.ts'

const CLUSTER = 'Name of a connected cluster.'
const NAMESPACE = 'Namespace in the cluster'

const isOpened = 'The cluster must open it to the namespace of the trigger, which is checked at each attempt.'

const WorkloadKindEnum = enumType('WorkloadKind', {
  description: 'Kind of a workload in which the image of a container can be set.',
  values: {
    Deployment: 'A Deployment.',
    DeploymentConfig: 'A DeploymentConfig of OpenShift.',
    StatefulSet: 'A StatefulSet.',
    DaemonSet: 'A DaemonSet.',
    CronJob: 'A CronJob; the image is that of its next Job.',
    ReplicaSet: 'A ReplicaSet; the image is that of its next Pods. That of a Deployment is not meant.',
    Pod: 'A Pod, whose container is started again.',
  } satisfies Record<ContainerTarget['kind'], string>,
})

export const SetImageActionInput = inputType('SetImageActionInput', {
  description: 'A container in a cluster that gets the image, by digest.',
  fields: (t) => ({
    cluster: t.requiredString(CLUSTER),
    clusterNamespace: t.requiredString(`${NAMESPACE}. ${isOpened}`),
    kind: t.requiredOne(WorkloadKindEnum, 'Kind of the workload.'),
    workload: t.requiredString('Name of the workload.'),
    container: t.requiredString('Name of a container or an init container, which must exist.'),
  }),
})

export const StartBuildActionInput = inputType('StartBuildActionInput', {
  description:
    'A BuildConfig in a cluster of OpenShift that starts a build. BuildConfigs with image change triggers need no trigger here.',
  fields: (t) => ({
    cluster: t.requiredString(CLUSTER),
    clusterNamespace: t.requiredString(`${NAMESPACE}. ${isOpened}`),
    buildConfig: t.requiredString('Name of the BuildConfig.'),
  }),
})

export const SetImageActionType = objectType<InCluster<ContainerTarget>>('SetImageAction', {
  description: 'A container in a cluster that gets the image, by digest.',
  properties: (t) => ({ cluster: t.string('Name of the cluster.') }),
  fields: (t) => ({
    clusterNamespace: t.string({
      description: `${NAMESPACE}.`,
      resolve: ({ target }) => target.namespace,
    }),
    kind: t.field({
      type: WorkloadKindEnum,
      description: 'Kind of the workload.',
      resolve: ({ target }) => target.kind,
    }),
    workload: t.string({ description: 'Name of the workload.', resolve: ({ target }) => target.name }),
    container: t.string({
      description: 'Name of the container or init container.',
      resolve: ({ target }) => target.container,
    }),
  }),
})

export const StartBuildActionType = objectType<InCluster<ClusterTarget>>('StartBuildAction', {
  description: 'A BuildConfig in a cluster of OpenShift that starts a build.',
  properties: (t) => ({ cluster: t.string('Name of the cluster.') }),
  fields: (t) => ({
    clusterNamespace: t.string({
      description: `${NAMESPACE}.`,
      resolve: ({ target }) => target.namespace,
    }),
    buildConfig: t.string({ description: 'Name of the BuildConfig.', resolve: ({ target }) => target.name }),
  }),
})
