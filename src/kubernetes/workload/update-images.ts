import type { Json } from '../../oci/json.ts'
import { KubernetesError } from '../client/errors.ts'
import type { KubernetesClient } from '../client/kubernetes-client.ts'
import type { KubernetesObject } from '../client/object.ts'
import { resourcePath } from '../client/paths.ts'
import type { TriggerCondition } from './condition.ts'
import type { ContainerList } from './containers.ts'
import type { DesiredImages, ImageChange } from './image-change.ts'
import { WORKLOAD_KINDS, type WorkloadAddress, type WorkloadKind } from './kinds.ts'
import { immutable } from './problems.ts'
import { conditionOf } from './refusals.ts'

/** Outcome of an update. */
export interface ImagesUpdate {
  /** The object after the update, or as it was read; null if it was not read. */
  readonly object: KubernetesObject | null
  /** Images that were set; none if the object has them, or if a condition prevents it. */
  readonly changes: readonly ImageChange[]
  readonly conditions: readonly TriggerCondition[]
}

interface ImagesUpdateOptions {
  /** Returns what the object, as it is now, is to become. */
  readonly decide: (object: KubernetesObject, kind: WorkloadKind) => DesiredImages
  readonly signal: AbortSignal
}

/** How often an object is read again because another client has changed it meanwhile. */
const MAX_ATTEMPTS = 5

/**
 * Sets images in an object by one patch. The patch applies to the version that was read: another version could lack a container,
 * which the patch would add. A refusal that a person has to resolve is a condition; rejects with KubernetesError for any other,
 * after which the caller tries again later. Throws RangeError for a kind without a pod spec.
 */
export async function updateImages(
  client: KubernetesClient,
  address: WorkloadAddress,
  { decide, signal }: ImagesUpdateOptions,
): Promise<ImagesUpdate> {
  const kind = WORKLOAD_KINDS.get(address.kind)
  if (!kind) throw new RangeError(`${address.kind} is not a kind with a pod spec`)
  const { apiVersion, resource, isMutable } = kind
  const { namespace, name } = address
  const path = resourcePath({ apiVersion, resource, namespace, name })
  let verb: 'get' | 'patch' = 'get'
  let object: KubernetesObject | null = null
  for (let attempt = 1; ; attempt++) {
    try {
      verb = 'get'
      object = await client.get(path, signal)
      const { changes, triggers, conditions } = decide(object, kind)
      if (changes.length === 0 && !triggers) return { object, changes, conditions }
      if (!isMutable) return { object, changes: [], conditions: [...conditions, immutable(kind)] }
      verb = 'patch'
      const body = patchOf(object, kind, { changes, triggers })
      object = await client.patch(path, body, { type: 'strategic', signal })
      return { object, changes, conditions }
    } catch (error) {
      const isConflict = error instanceof KubernetesError && error.status === 409
      if (isConflict && attempt < MAX_ATTEMPTS) continue
      const refusal = conditionOf(error, { verb, apiVersion, resource, namespace })
      if (!refusal) throw error
      return { object, changes: [], conditions: [refusal] }
    }
  }
}

interface Change {
  readonly changes: readonly ImageChange[]
  readonly triggers: readonly Json[] | undefined
}

/** Returns a strategic merge patch, which finds containers by their names. */
function patchOf(
  { metadata: { resourceVersion } }: KubernetesObject,
  { podSpec }: WorkloadKind,
  { changes, triggers }: Change,
): Json {
  const imagesIn = (list: ContainerList) =>
    changes
      .filter(({ container }) => container.list === list)
      .map(({ container: { name }, to: image }) => ({ name, image }))
  const lists = (['initContainers', 'containers'] as const)
    .map((list) => [list, imagesIn(list)] as const)
    .filter(([, images]) => images.length > 0)
  const spec = podSpec
    .split('.')
    .reduceRight<Json>((inner, key) => ({ [key]: inner }), Object.fromEntries(lists)).spec as Json
  return { metadata: { resourceVersion }, spec: { ...spec, ...(triggers && { triggers }) } }
}
