import type { RepositoryName } from './repository-name.ts'

/** The client that a request acts for. */
export interface Principal {
  readonly id: string
}

/** What a request does to a repository; `list` reads the catalog and names no repository. */
export type RegistryAction = 'pull' | 'push' | 'delete' | 'list'

/**
 * Decides what a principal may do. It is called before any lookup, and its decision must not depend on whether the
 * repository exists: a refusal then reveals nothing about the content.
 */
export interface RegistryAccess {
  may(principal: Principal, action: RegistryAction, repository?: RepositoryName): boolean
}
