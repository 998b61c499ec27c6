import type { Route } from '../../egress/route.ts'
import { dialledHost } from '../login/registry-host.ts'
import { BlockedError } from '../traffic/blocked-error.ts'
import type { RequestContext } from '../traffic/host-client.ts'

/** What a mirror is used for: tags, content by digest, or both. */
export type MirrorUse = 'ALL' | 'TAGS' | 'DIGESTS'

/** Registry and repository that requests for a repository go to, and how to connect to it. */
export interface RepositoryLocation {
  readonly registry: string
  readonly repository: string
  readonly isMirror: boolean
  /** Whether it is on the registry that was named, to which what was said of that one applies. */
  readonly isNamed: boolean
  /** What a mirror is asked for: what tags mean, content by its digest, or both. */
  readonly serves: MirrorUse
  /** Whether plain HTTP, or a certificate that does not verify, is good enough there. */
  readonly insecure: boolean
  /** How it is connected to; undefined as any other. */
  readonly route: Route | undefined
  /** Why it cannot be asked as it was configured; null where it can. */
  readonly problem: string | null
}

/** Where to ask: mirrors in their order, and the origin last. Or which rule says that nobody is to be asked. */
export type RepositoryPlan =
  | { readonly locations: readonly RepositoryLocation[] }
  | { readonly blockedBy: string }

/** How a host is connected to that a registry sends us to. */
export type OtherHostRoute = { readonly route: Route | undefined } | { readonly blockedBy: string }

/** What this server was told of registries, as it stands at one moment. */
export interface RegistryRules {
  /** With an empty repository, for the registry itself. */
  planOf(registry: string, repository: string): RepositoryPlan
  /** The registry by its own name, without its mirrors, or which rule says that it is not to be asked at all. */
  loginLocationOf(
    registry: string,
    repository: string | null,
  ): RepositoryLocation | { readonly blockedBy: string }
  /** For a token server or a redirect's target, on the way to `via`. */
  routeToOtherHost(host: string, via: RepositoryLocation): OtherHostRoute
}

/** A registry as any other. */
export const itself = (registry: string, repository: string): RepositoryLocation => ({
  ...{ registry, repository },
  ...{ isMirror: false, isNamed: true, serves: 'ALL', insecure: false, route: undefined, problem: null },
})

/** For a server that was told nothing: every registry is asked under its own name. */
export const NO_RULES: RegistryRules = {
  planOf: (registry, repository) => ({ locations: [itself(registry, repository)] }),
  loginLocationOf: (registry, repository) => itself(registry, repository ?? ''),
  routeToOtherHost: () => ({ route: undefined }),
}

/** One place as the rules have it now, or which of them says that nobody is to be asked there any more. */
export type PlaceNow = () => RepositoryLocation | { readonly blockedBy: string }

/** The place of a repository's plan that this one is now; itself where the plan has it no more. */
export const placeInPlan =
  (
    place: RepositoryLocation,
    { registry, repository }: Pick<RepositoryLocation, 'registry' | 'repository'>,
    rules: () => RegistryRules,
  ): PlaceNow =>
  () => {
    const plan = rules().planOf(registry, repository)
    if ('blockedBy' in plan) return plan
    return (
      plan.locations.find((one) => one.registry === place.registry && one.repository === place.repository) ??
      place
    )
  }

/**
 * The same context to one place: it is connected to as it was configured, and hosts on the way as they were, each time
 * anew. A request that may take less than a certificate does so only of the registry that it names.
 */
export function contextFor(
  place: RepositoryLocation,
  context: RequestContext,
  rules: () => RegistryRules,
  now: PlaceNow,
): RequestContext {
  const origins = ['https:', 'http:'].map(
    (scheme) => new URL(`${scheme}//${dialledHost(place.registry)}`).origin,
  )
  return {
    ...context,
    insecure: place.insecure || (place.isNamed && context.insecure),
    routeTo(url) {
      const via = now()
      if ('blockedBy' in via) throw new BlockedError(via.blockedBy)
      if (origins.includes(url.origin)) return via.route
      const abroad = rules().routeToOtherHost(url.host, via)
      if ('blockedBy' in abroad) throw new BlockedError(abroad.blockedBy)
      return abroad.route
    },
  }
}

/** An context that leads nowhere. */
export const blockedContext = (blockedBy: string, context: RequestContext): RequestContext => ({
  ...context,
  routeTo() {
    throw new BlockedError(blockedBy)
  },
})
