import { memoized } from '../concurrency/cache.ts'
import type { Access } from './configuration.ts'
import type { ConfigurationTree, EffectiveConfiguration } from './configuration-tree.ts'
import { withoutPort } from './prefix.ts'

export interface AccessRulesOptions {
  /** Access of registries whose configurations do not set it. */
  readonly defaultAccess: Access
  /** Registries from the settings of the server: the default access does not apply to them. */
  readonly own: readonly string[]
}

const NOT_ALLOWED =
  'no configuration allows it, and the default access is BLOCKED; access: ALLOWED in configureRegistry permits it'

/** Which registries and repositories may be requested. */
export class AccessRules {
  readonly #tree: ConfigurationTree
  readonly #defaultAccess: Access
  readonly #own: ReadonlySet<string>
  readonly #portless = memoized(withoutPort)

  constructor(tree: ConfigurationTree, { defaultAccess, own }: AccessRulesOptions) {
    this.#tree = tree
    this.#defaultAccess = defaultAccess
    this.#own = new Set(own.map((registry) => tree.canonical(registry)))
  }

  /** Returns the rule that blocks the repository, the default access included; null when it may be requested. */
  blockOf(registry: string, repository: string): string | null {
    if (this.#accessOf(registry, repository)) return this.explicitBlockOf(registry, repository)
    return this.#defaultAccess === 'BLOCKED' && !this.#own.has(this.#tree.canonical(registry))
      ? NOT_ALLOWED
      : null
  }

  /**
   * Returns the configuration that blocks the repository; null without one. For mirrors, locations and other hosts of an
   * allowed repository, which need not be allowed themselves.
   */
  explicitBlockOf(registry: string, repository: string): string | null {
    const access = this.#accessOf(registry, repository)
    return access?.value === 'BLOCKED'
      ? `the configuration of ${access.setBy} blocks it; access: ALLOWED in configureRegistry permits it`
      : null
  }

  /** Reports whether a configuration allows the registry or a part of it. */
  allowsAnyOf(registry: string): boolean {
    return this.#tree.ofRegistry(registry).some(({ access }) => access?.value === 'ALLOWED')
  }

  /** A host that is blocked without a port is blocked at all ports. */
  #accessOf(registry: string, repository: string): EffectiveConfiguration['access'] {
    const access = this.#tree.find(registry, repository)?.access
    if (access) return access
    const ofHost = this.#tree.find(this.#portless(registry), repository)?.access
    return ofHost?.value === 'BLOCKED' ? ofHost : null
  }
}
