import type { Route } from '../../egress/route.ts'
import type { Reference } from '../../oci/reference.ts'

/** A repository, or the registry itself when `repository` is empty. */
export type RepositoryName = Pick<Reference, 'registry' | 'repository'>

/** Use of a mirror: for the digests of tags, for content by digest, or for both. */
export type MirrorUse = 'ALL' | 'TAGS' | 'DIGESTS'

/** Registry and repository that requests for a repository are sent to, and how to connect to it. */
export interface RepositoryLocation {
  readonly registry: string
  readonly repository: string
  readonly isMirror: boolean
  /** Whether it is on the registry of the reference, so that the reference's `insecure` applies to it. */
  readonly isNamed: boolean
  readonly serves: MirrorUse
  /** Whether plain HTTP and certificates that do not verify are accepted there. */
  readonly insecure: boolean
  /** How to connect to it; undefined for the default. */
  readonly route: Route | undefined
  /** Why its configuration cannot be applied; null when it can. */
  readonly problem: string | null
}

/** A registry or repository that must not be requested; `blockedBy` is the rule, for messages. */
export interface Blocked {
  readonly blockedBy: string
}

/** The locations of a repository: mirrors in their order, then the origin. */
export type RepositoryPlan = { readonly locations: readonly RepositoryLocation[] } | Blocked

/** How to connect to a host that a registry refers to. */
export type OtherHostRoute = { readonly route: Route | undefined } | Blocked

/** The configuration of registries at one moment. */
export interface RegistryRules {
  /** Returns the plan of a repository; of the registry itself for an empty one. */
  planOf(registry: string, repository: string): RepositoryPlan
  /**
   * Returns the location at which a credential is tested: on the registry of this name, without mirrors and other locations.
   * Without a repository it is blocked only when no part of the registry is allowed.
   */
  loginLocationOf(registry: string, repository: string | null): RepositoryLocation | Blocked
  /** Returns the route to a token server or a redirect's target that `via` refers to; never with a client certificate. */
  routeToOtherHost(host: string, via: RepositoryLocation): OtherHostRoute
}

/** Returns the location of a registry that is not configured. */
export const defaultLocation = (registry: string, repository: string): RepositoryLocation => ({
  registry,
  repository,
  isMirror: false,
  isNamed: true,
  serves: 'ALL',
  insecure: false,
  route: undefined,
  problem: null,
})

/** The rules of a server without registry configurations. */
export const NO_RULES: RegistryRules = {
  planOf: (registry, repository) => ({ locations: [defaultLocation(registry, repository)] }),
  loginLocationOf: (registry, repository) => defaultLocation(registry, repository ?? ''),
  routeToOtherHost: () => ({ route: undefined }),
}
