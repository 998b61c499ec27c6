import { apiHostOf } from '../traffic/host-names.ts'
import type { RequestContext } from '../traffic/request-context.ts'
import { BlockedError } from '../traffic/request-context.ts'
import type { Blocked, RegistryRules, RepositoryLocation } from './registry-rules.ts'

/** Returns a location by the current rules. */
export type CurrentLocation = () => RepositoryLocation | Blocked

/** Returns the current state of a location in a repository's plan; the location itself when the plan has lost it. */
export const locationInPlan =
  (
    location: RepositoryLocation,
    { registry, repository }: Pick<RepositoryLocation, 'registry' | 'repository'>,
    rules: () => RegistryRules,
  ): CurrentLocation =>
  () => {
    const plan = rules().planOf(registry, repository)
    if ('blockedBy' in plan) return plan
    return (
      plan.locations.find(
        (one) => one.registry === location.registry && one.repository === location.repository,
      ) ?? location
    )
  }

/**
 * Returns the context for requests to a location: its hosts are connected to as the rules require at the time of each
 * request. The request's own `insecure` applies to the registry of the reference only.
 */
export function contextFor(
  location: RepositoryLocation,
  context: RequestContext,
  rules: () => RegistryRules,
  current: CurrentLocation,
): RequestContext {
  const origins = ['https:', 'http:'].map(
    (scheme) => new URL(`${scheme}//${apiHostOf(location.registry)}`).origin,
  )
  return {
    ...context,
    insecure: location.insecure || (location.isNamed && context.insecure),
    routeTo(url) {
      const via = current()
      if ('blockedBy' in via) throw new BlockedError(via.blockedBy)
      if (origins.includes(url.origin)) return via.route
      const other = rules().routeToOtherHost(url.host, via)
      if ('blockedBy' in other) throw new BlockedError(other.blockedBy)
      return other.route
    },
  }
}

/** Returns a context whose requests all fail with BlockedError. */
export const blockedContext = (blockedBy: string, context: RequestContext): RequestContext => ({
  ...context,
  routeTo() {
    throw new BlockedError(blockedBy)
  },
})
