import { isObject, textOf } from '../../oci/json.ts'
import { KubernetesError } from '../client/errors.ts'
import type { KubernetesClient } from '../client/kubernetes-client.ts'
import { resourcePath } from '../client/paths.ts'
import { type BuildRequest, desiredBuild } from './build-config.ts'
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
  address: ObjectAddress,
  { resolve, signal }: { readonly resolve: ResolveTag; readonly signal: AbortSignal },
): Promise<StartedBuild> {
  let desired: ReturnType<typeof desiredBuild>
  try {
    desired = desiredBuild(await client.get(resourcePath({ ...BUILD_CONFIGS, ...address }), signal), resolve)
  } catch (error) {
    return refused(error, { ...BUILD_CONFIGS, ...address, verb: 'get' })
  }
  const { request, conditions } = desired
  if (!request) return { build: null, conditions }
  const started = await instantiate(client, request, signal)
  return { ...started, conditions: [...conditions, ...started.conditions] }
}

/** Starts a build with a request. The outcome is that of `startBuild`. */
export async function instantiate(
  client: KubernetesClient,
  request: BuildRequest,
  signal: AbortSignal,
): Promise<StartedBuild> {
  const address = { ...BUILD_CONFIGS, ...request.metadata }
  try {
    const path = resourcePath({ ...BUILD_CONFIGS, ...request.metadata, subresource: 'instantiate' })
    const { metadata } = await client.create(path, request, signal)
    return { build: isObject(metadata) ? textOf(metadata.name) : null, conditions: [] }
  } catch (error) {
    if (error instanceof KubernetesError && BUILT_ALREADY.test(error.message))
      return { build: null, conditions: [] }
    return refused(error, { ...address, resource: `${BUILD_CONFIGS.resource}/instantiate`, verb: 'create' })
  }
}

function refused(error: unknown, request: Parameters<typeof conditionOf>[1]): StartedBuild {
  const condition = conditionOf(error, request)
  if (!condition) throw error
  return { build: null, conditions: [condition] }
}
