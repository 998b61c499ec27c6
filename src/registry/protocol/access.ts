import type { RepositoryName } from './repository-name.ts'

/** Who sends a request. */
export interface Principal {
  readonly id: string
}

/** What a request does to a repository; `list` is asked without one, before the names of all. */
export type RegistryAction = 'pull' | 'push' | 'delete' | 'list'

/**
 * Who may do what in the registry. Asked before anything is looked up, so that an answer tells nothing of what is there:
 * what it says must not depend on whether the repository exists.
 */
export interface RegistryAccess {
  may(principal: Principal, action: RegistryAction, repository?: RepositoryName): boolean
}
