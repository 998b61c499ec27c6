import type { KubernetesClient } from '../client/kubernetes-client.ts'
import { type Cluster, isOpenTo } from '../cluster/cluster.ts'
import type { ConnectTo } from '../cluster/contact.ts'
import type { ObjectAddress, WorkloadAddress } from '../workload/kinds.ts'
import { setImage } from '../workload/set-image.ts'
import { instantiate } from '../workload/start-build.ts'
import { type ActionOutcome, done, failed, impossible, prevented } from './outcome.ts'

/** Sets the image of a container, or starts a build, in the cluster with a name. */
export type ClusterAction =
  | {
      readonly kind: 'SET_IMAGE'
      readonly cluster: string
      readonly target: WorkloadAddress & { readonly container: string }
    }
  | { readonly kind: 'START_BUILD'; readonly cluster: string; readonly target: ObjectAddress }

/** The image for which an action is done. */
export interface ActionImage {
  /** Our namespace. */
  readonly namespace: string
  readonly imageStream: string
  readonly tag: string
  /** Pull spec by digest. */
  readonly dockerImageReference: string
}

export interface ActionsDependencies {
  readonly clusterNamed: (name: string) => Cluster | undefined
  readonly connectTo: ConnectTo
}

/** Returns a function that does an action. It rejects only with the reason of the signal, once it is aborted. */
export const createClusterActions =
  ({ clusterNamed, connectTo }: ActionsDependencies) =>
  async (action: ClusterAction, image: ActionImage, signal: AbortSignal): Promise<ActionOutcome> => {
    const cluster = clusterNamed(action.cluster)
    const { namespace } = action.target
    if (!cluster || !isOpenTo(cluster, namespace, image.namespace)) {
      return impossible(notOpen(action, image))
    }
    try {
      const client = await connectTo(cluster)
      if (action.kind === 'SET_IMAGE') return await setContainer(client, action.target, image, signal)
      return await build(client, action.target, image, signal)
    } catch (error) {
      signal.throwIfAborted()
      return failed(error)
    }
  }

/** Returns the message about a cluster that does not exist or is not open: one for both does not reveal which clusters there are. */
export const notOpen = ({ cluster, target }: ClusterAction, image: Pick<ActionImage, 'namespace'>): string =>
  `no cluster ${cluster} opens its namespace ${target.namespace} to the namespace ${image.namespace}: a server admin adds an opening with updateCluster`

async function setContainer(
  client: KubernetesClient,
  target: WorkloadAddress & { readonly container: string },
  { dockerImageReference: image }: ActionImage,
  signal: AbortSignal,
): Promise<ActionOutcome> {
  const { changes, conditions } = await setImage(client, { ...target, image }, signal)
  const [condition] = conditions
  if (condition) return prevented(condition)
  const { kind, namespace, name, container } = target
  const place = `container ${container} of ${kind} ${namespace}/${name}`
  return done(changes.length === 0 ? `${place} has ${image} already` : `${place} is set to ${image}`)
}

async function build(
  client: KubernetesClient,
  { namespace, name }: ObjectAddress,
  { dockerImageReference: imageID, ...source }: ActionImage,
  signal: AbortSignal,
): Promise<ActionOutcome> {
  const fromRef = {
    kind: 'ImageStreamTag',
    namespace: source.namespace,
    name: `${source.imageStream}:${source.tag}`,
  }
  const request = {
    apiVersion: 'build.openshift.io/v1',
    kind: 'BuildRequest',
    metadata: { namespace, name },
    triggeredBy: [{ message: 'Image change', imageChangeBuild: { imageID, fromRef } }],
  } as const
  const started = await instantiate(client, request, signal)
  const [condition] = started.conditions
  if (condition) return prevented(condition)
  return done(`build ${namespace}/${started.build ?? name} has started`)
}
