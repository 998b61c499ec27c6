import { KubernetesError } from '../client/errors.ts'
import { condition, type TriggerCondition } from './condition.ts'

/** A request that an API server refused. */
interface RefusedRequest {
  /** Verb of RBAC. */
  readonly verb: 'get' | 'patch' | 'create'
  readonly apiVersion: string
  /** `deployments`, `buildconfigs/instantiate`. */
  readonly resource: string
  readonly namespace: string
}

/** How RBAC refuses; admission controllers and quotas use the same status. */
const RBAC = /\bcannot \w+ resource\b/

/**
 * Returns the condition of an error that remains until a person changes something; undefined for any other, after which the
 * request may be repeated.
 */
export function conditionOf(error: unknown, request: RefusedRequest): TriggerCondition | undefined {
  if (!(error instanceof KubernetesError)) return undefined
  const { status, message } = error
  const { verb, apiVersion, resource, namespace } = request
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : ''
  if (status === 403 && RBAC.test(message)) {
    return condition('FORBIDDEN', message, {
      remedy: `allow the verb ${verb} on ${resource} of the API group "${group}" in the namespace ${namespace}`,
    })
  }
  if (status === 404) return condition('NOT_FOUND', message, { remedy: 'create it, or correct its name' })
  if (status !== null && [400, 403, 405, 413, 415, 422].includes(status)) {
    return condition('REFUSED', message, { remedy: 'correct the object as the message says' })
  }
  return undefined
}
