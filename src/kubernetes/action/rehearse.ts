import type { KubernetesClient } from '../client/kubernetes-client.ts'
import { resourcePath } from '../client/paths.ts'
import { isOpenTo } from '../cluster/cluster.ts'
import type { TriggerCondition } from '../workload/condition.ts'
import { BUILD_CONFIGS } from '../workload/kinds.ts'
import { conditionOf } from '../workload/refusals.ts'
import { findContainer } from '../workload/set-image.ts'
import { type ActionImage, type ActionsDependencies, type ClusterAction, notOpen } from './actions.ts'

/** What an action would do. */
export interface ActionRehearsal {
  /** For people. */
  readonly plan: string
  /** Whether the API server responds; null if it was not contacted. */
  readonly isReachable: boolean | null
  /** What prevents the action, and what to do; null where nothing is known to. */
  readonly message: string | null
}

/**
 * Returns a function for what an action would do, without doing it. With `isContacted` the object is read in its cluster. It rejects only
 * with the reason of the signal, once it is aborted.
 */
export const createClusterRehearsals =
  ({ clusterNamed, connectTo }: ActionsDependencies) =>
  async (
    action: ClusterAction,
    image: ActionImage,
    { isContacted, signal }: { readonly isContacted: boolean; readonly signal: AbortSignal },
  ): Promise<ActionRehearsal> => {
    const plan = planOf(action, image)
    const cluster = clusterNamed(action.cluster)
    if (!cluster || !isOpenTo(cluster, action.target.namespace, image.namespace)) {
      return { plan, isReachable: null, message: notOpen(action, image) }
    }
    if (!isContacted) return { plan, isReachable: null, message: null }
    try {
      const condition = await problemOf(await connectTo(cluster), action, signal)
      return { plan, isReachable: true, message: condition && `${condition.message}: ${condition.remedy}` }
    } catch (error) {
      signal.throwIfAborted()
      return { plan, isReachable: false, message: error instanceof Error ? error.message : String(error) }
    }
  }

function planOf(action: ClusterAction, { dockerImageReference }: ActionImage): string {
  const { namespace, name } = action.target
  if (action.kind === 'START_BUILD') {
    return `starts a build of BuildConfig ${namespace}/${name} in the cluster ${action.cluster} for ${dockerImageReference}`
  }
  const { kind, container } = action.target
  return `sets container ${container} of ${kind} ${namespace}/${name} in the cluster ${action.cluster} to ${dockerImageReference}`
}

/** Reads the object of the action. Returns what prevents the action; null for nothing. */
async function problemOf(
  client: KubernetesClient,
  action: ClusterAction,
  signal: AbortSignal,
): Promise<TriggerCondition | null> {
  if (action.kind === 'SET_IMAGE') {
    const [condition] = (await findContainer(client, action.target, signal)).conditions
    return condition ?? null
  }
  const { namespace, name } = action.target
  try {
    await client.get(resourcePath({ ...BUILD_CONFIGS, namespace, name }), signal)
    return null
  } catch (error) {
    const condition = conditionOf(error, { ...BUILD_CONFIGS, namespace, verb: 'get' })
    if (!condition) throw error
    return condition
  }
}
