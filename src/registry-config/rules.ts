import { memoized } from '../concurrency/cache.ts'
import type { Route } from '../egress/route.ts'
import { formatPrefix, type RegistryPrefix, splitPrefix } from '../logins/registry-login.ts'
import type {
  Blocked,
  OtherHostRoute,
  RegistryRules,
  RepositoryLocation,
  RepositoryPlan,
} from '../remote/location/registry-rules.ts'
import { AccessRules, type AccessRulesOptions } from './access-rules.ts'
import type { OpenedConfiguration, RegistryConfiguration } from './configuration.ts'
import { ConfigurationTree, routeOf } from './configuration-tree.ts'
import { moved } from './prefix.ts'

interface ConfiguredRulesOptions extends AccessRulesOptions {
  readonly configurations: readonly OpenedConfiguration[]
}

/**
 * The rules of all configurations at one moment. Source for locations and mirrors: containers-registries.conf(5),
 * remapping and mirroring registries.
 */
export class ConfiguredRules implements RegistryRules {
  readonly #tree: ConfigurationTree
  readonly #access: AccessRules
  /** By configuration of the host and route of the registry. */
  readonly #otherHostRoutes = new Map<string, Route | undefined>()
  // each request to a registry reads a plan
  readonly #plans = memoized((name) => {
    const slash = name.indexOf('/')
    const parts = { tree: this.#tree, access: this.#access }
    return planOf(parts, name.slice(0, slash), name.slice(slash + 1))
  })

  constructor({ configurations, ...options }: ConfiguredRulesOptions) {
    this.#tree = new ConfigurationTree(configurations)
    this.#access = new AccessRules(this.#tree, options)
  }

  planOf(registry: string, repository: string): RepositoryPlan {
    return this.#plans(`${registry}/${repository}`)
  }

  /** Returns the rule that blocks the repository, as `RepositoryPlan.blockedBy`; null when it may be requested. */
  blockOf(registry: string, repository: string): string | null {
    const plan = this.planOf(registry, repository)
    return 'blockedBy' in plan ? plan.blockedBy : null
  }

  /**
   * Returns the registry under its own name, without mirrors and location: a credential is for the host that it names.
   * Without a repository the registry may be requested if any part of it is allowed.
   */
  loginLocationOf(registry: string, repository: string | null): RepositoryLocation | Blocked {
    const isAllowedInPart = repository === null && this.#access.allowsAnyOf(registry)
    const blockedBy = isAllowedInPart ? null : this.#access.blockOf(registry, repository ?? '')
    if (blockedBy !== null) return { blockedBy }
    const prefix = { registry, path: repository ?? '' }
    return locationAt(this.#tree, prefix, {
      named: registry,
      isMirror: false,
      insecure: false,
      serves: 'ALL',
    })
  }

  /** Never has a client certificate: that is for the configured registry alone. */
  routeToOtherHost(host: string, via: RepositoryLocation): OtherHostRoute {
    const blockedBy = this.#access.explicitBlockOf(host, '')
    if (blockedBy !== null) return { blockedBy }
    const found = this.#tree.find(host, '')
    // not by host: registries can name any number of hosts
    const key = `${found?.configuration.id} ${via.route?.id}`
    if (!this.#otherHostRoutes.has(key)) {
      const { ca = null, proxy = null } = found?.connection ?? {}
      const route = routeOf({ ca, client: null, proxy: proxy ?? via.route?.proxy ?? null })
      this.#otherHostRoutes.set(key, route)
    }
    return { route: this.#otherHostRoutes.get(key) }
  }

  /** Null where a limit is not set. */
  limitsOf(registry: string): Pick<RegistryConfiguration, 'concurrency' | 'requestsPerSecond'> {
    const { concurrency = null, requestsPerSecond = null } =
      this.#tree.find(registry, '')?.configuration ?? {}
    return { concurrency, requestsPerSecond }
  }

  /** Returns the vendor settings of the location that the repository is read from. */
  vendorOf(registry: string, repository: string): Pick<RegistryConfiguration, 'vendor' | 'apiUrl'> {
    const plan = this.planOf(registry, repository)
    const origin = 'locations' in plan ? plan.locations.at(-1) : undefined
    const found = origin && this.#tree.find(origin.registry, origin.repository)
    return { vendor: found?.vendor ?? null, apiUrl: found?.apiUrl ?? null }
  }
}

/** Returns the locations from which a repository is read; those of the registry itself for an empty one. */
function planOf(
  { tree, access }: { readonly tree: ConfigurationTree; readonly access: AccessRules },
  registry: string,
  repository: string,
): RepositoryPlan {
  const blockedBy = access.blockOf(registry, repository)
  if (blockedBy !== null) return { blockedBy }
  const configured = tree.find(registry, repository)?.locations
  const at = (location: string): RegistryPrefix => {
    const to = splitPrefix(location)
    return { registry: to.registry, path: moved(repository, configured?.path ?? '', to.path) }
  }
  const origin = locationAt(
    tree,
    configured?.location ? at(configured.location) : { registry, path: repository },
    { named: registry, isMirror: false, insecure: configured?.insecure ?? false, serves: 'ALL' },
  )
  const readFrom = formatPrefix({ registry: origin.registry, path: origin.repository })
  if (origin.repository === '' && repository !== '') {
    return {
      blockedBy: `it would be read from ${readFrom}, without a repository name; location in configureRegistry changes that`,
    }
  }
  const originBlock = access.explicitBlockOf(origin.registry, origin.repository)
  if (originBlock !== null) return { blockedBy: `it would be read from ${readFrom}, and ${originBlock}` }
  const mirrors = (configured?.mirrors ?? [])
    .map(({ location, insecure, serves }) =>
      locationAt(tree, at(location), { named: registry, isMirror: true, insecure, serves }),
    )
    .filter(
      (mirror) =>
        (mirror.repository !== '' || repository === '') &&
        access.explicitBlockOf(mirror.registry, mirror.repository) === null,
    )
  return { locations: [...mirrors, origin] }
}

/** Returns a location with the connection settings of its own name, not of the name that led to it. */
function locationAt(
  tree: ConfigurationTree,
  { registry, path }: RegistryPrefix,
  {
    named,
    insecure,
    ...use
  }: Pick<RepositoryLocation, 'isMirror' | 'serves' | 'insecure'> & { readonly named: string },
): RepositoryLocation {
  const found = tree.find(registry, path)
  return {
    ...use,
    registry,
    repository: path,
    isNamed: tree.canonical(registry) === tree.canonical(named),
    insecure: insecure || found?.locations?.insecure === true,
    route: found?.route,
    problem: found?.broken ?? null,
  }
}
