import { isObject, textOf } from '../../oci/json.ts'
import { KubernetesError } from '../client/errors.ts'
import type { KubernetesClient } from '../client/kubernetes-client.ts'
import { resourcePath } from '../client/paths.ts'
import { desiredBuild } from './build-config.ts'
import type { TriggerCondition } from './condition.ts'
import type { ResolveTag } from './image-trigger.ts'
import { BUILD_CONFIGS, type ObjectAddress } from './kinds.ts'
import { conditionOf } from './refusals.ts'

/** Outcome of looking at a BuildConfig. */
export interface StartedBuild {
  /** Name of the Build that started; null if its images were built already, or if a condition prevents it. */
  readonly build: string | null
  readonly conditions: readonly TriggerCondition[]
}

/** How an API server refuses an image that another request has built meanwhile. */
const BUILT_ALREADY = /has already instantiated a build for imageid/

/**
 * Starts the build that the image change triggers of a BuildConfig demand, if they do. A refusal that a person has to resolve
 * is a condition; rejects with KubernetesError for any other, after which the caller tries again later.
 */
export async function startBuild(
  client: KubernetesClient,
  { namespace, name }: ObjectAddress,
  { resolve, signal }: { readonly resolve: ResolveTag; readonly signal: AbortSignal },
): Promise<StartedBuild> {
  const address = { ...BUILD_CONFIGS, namespace, name }
  let verb: 'get' | 'create' = 'get'
  let conditions: readonly TriggerCondition[] = []
  try {
    const desired = desiredBuild(await client.get(resourcePath(address), signal), resolve)
    const { request } = desired
    conditions = desired.conditions
    if (!request) return { build: null, conditions }
    verb = 'create'
    const path = resourcePath({ ...address, subresource: 'instantiate' })
    const { metadata } = await client.create(path, request, signal)
    return { build: isObject(metadata) ? textOf(metadata.name) : null, conditions }
  } catch (error) {
    if (error instanceof KubernetesError && BUILT_ALREADY.test(error.message))
      return { build: null, conditions }
    const resource = verb === 'get' ? BUILD_CONFIGS.resource : `${BUILD_CONFIGS.resource}/instantiate`
    const refusal = conditionOf(error, { ...address, verb, resource })
    if (!refusal) throw error
    return { build: null, conditions: [...conditions, refusal] }
  }
}
