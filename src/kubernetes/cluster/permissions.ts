import { mapBounded } from '../../concurrency/bounded.ts'
import { isObject } from '../../oci/json.ts'
import type { KubernetesClient } from '../client/kubernetes-client.ts'
import { resourcePath } from '../client/paths.ts'
import { OBSERVED_KINDS, type ObservedKind } from './kinds.ts'

/** A permission in a cluster, as RBAC has it. */
export interface Permission {
  /** Empty for the core group. */
  readonly group: string
  /** `deployments`, `buildconfigs/instantiate`. */
  readonly resource: string
  readonly verb: string
}

const REVIEWS = resourcePath({ apiVersion: 'authorization.k8s.io/v1', resource: 'selfsubjectaccessreviews' })
/** Requests at a time. */
const CONCURRENCY = 4

const groupOf = ({ apiVersion }: ObservedKind): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''

/** Returns the permissions that this server needs for objects of a kind. */
const neededFor = (kind: ObservedKind): Permission[] => {
  const group = groupOf(kind)
  const { resource, verbs } = kind
  const own = ['get', 'list', 'watch', ...verbs].map((verb) => ({ group, resource, verb }))
  return kind.kind === 'BuildConfig'
    ? [...own, { group, resource: `${resource}/instantiate`, verb: 'create' }]
    : own
}

/** Returns the kinds that the cluster has. Rejects as the client does. */
export async function kindsOf(client: KubernetesClient, signal: AbortSignal): Promise<ObservedKind[]> {
  const versions = [...new Set(OBSERVED_KINDS.map(({ apiVersion }) => apiVersion))]
  const found = await mapBounded(versions, CONCURRENCY, async (apiVersion) => ({
    apiVersion,
    names: new Set((await client.resources(apiVersion, signal)).map(({ name }) => name)),
  }))
  return OBSERVED_KINDS.filter(({ apiVersion, resource }) =>
    found.some((one) => one.apiVersion === apiVersion && one.names.has(resource)),
  )
}

/** Returns the permissions that this server lacks in all namespaces of the cluster. Rejects as the client does. */
export async function missingPermissions(
  client: KubernetesClient,
  kinds: readonly ObservedKind[],
  signal: AbortSignal,
): Promise<Permission[]> {
  const needed = kinds.flatMap(neededFor)
  const isAllowed = await mapBounded(needed, CONCURRENCY, async ({ group, resource: path, verb }) => {
    const [resource, subresource] = path.split('/')
    const review = await client.create(
      REVIEWS,
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { group, resource, verb, ...(subresource && { subresource }) } },
      },
      signal,
    )
    return isObject(review.status) && review.status.allowed === true
  })
  return needed.filter((_permission, at) => !isAllowed[at])
}

/** Returns the rules of a ClusterRole with the permissions, for people. */
export function rulesOf(permissions: readonly Permission[]): string {
  const verbsOf = new Map<string, string[]>()
  for (const { group, resource, verb } of permissions) {
    const key = `apiGroups: ["${group}"], resources: ["${resource}"]`
    verbsOf.set(key, [...(verbsOf.get(key) ?? []), `"${verb}"`])
  }
  return [...verbsOf].map(([key, verbs]) => `{ ${key}, verbs: [${verbs.join(', ')}] }`).join('; ')
}
