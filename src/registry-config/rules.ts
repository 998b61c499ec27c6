import { memoized } from '../concurrency/cache.ts'
import type { Route } from '../egress/route.ts'
import { formatPrefix, pathsAbove, type RegistryPrefix, splitPrefix } from '../logins/registry-login.ts'
import type { RegistryRules, RepositoryLocation, RepositoryPlan } from '../remote/location/registry-rules.ts'
import type { Access, OpenedConfiguration, RegistryConfiguration } from './configuration.ts'
import { arrange, type Entry } from './entries.ts'
import { canonicalRegistry, moved, withoutPort } from './prefix.ts'
import { type ConnectionSetting, routeOf } from './route.ts'

/** What was configured, as it stands at one moment. */
export interface Rules extends RegistryRules {
  /** Which rule says that nothing is to be imported from there; null where none does. As `RepositoryPlan.blockedBy`. */
  blockOf(registry: string, repository: string): string | null
  limitsOf(registry: string): Pick<RegistryConfiguration, 'concurrency' | 'requestsPerSecond'>
  /** What was said of the place that it is read from. */
  vendorOf(registry: string, repository: string): Pick<RegistryConfiguration, 'vendor' | 'apiUrl'>
}

export interface RulesOptions {
  readonly configurations: readonly OpenedConfiguration[]
  /** For registries of which no configuration says it. */
  readonly access: Access
  /** Registries that the server was started for: that default is not for them. */
  readonly own: readonly string[]
}

const NOT_ALLOWED = 'no configuration allows it, and what none allows is blocked'

/** Source for whereabouts: containers-registries.conf(5), remapping and mirroring registries. */
export function createRules({ configurations, access, own }: RulesOptions): Rules {
  const entries = arrange(configurations)
  const ours = new Set(own.map(canonicalRegistry))
  const routesAbroad = new Map<string, Route | undefined>()
  const canonical = memoized(canonicalRegistry)
  const portless = memoized(withoutPort)

  const find = (registry: string, repository: string): Entry | undefined => {
    const ofRegistry = entries.get(canonical(registry))
    if (!ofRegistry) return undefined
    for (const path of pathsAbove(repository)) {
      const entry = ofRegistry.get(path)
      if (entry) return entry
    }
    return undefined
  }

  /** What a configuration says; of another port of a blocked host too. */
  const saidOf = (registry: string, repository: string): Entry['access'] => {
    const said = find(registry, repository)?.access
    if (said) return said
    const host = find(portless(registry), repository)?.access
    return host?.is === 'BLOCKED' ? host : null
  }

  const blockOf = (registry: string, repository: string, fallback: Access): string | null => {
    const said = saidOf(registry, repository)
    if (said) return said.is === 'BLOCKED' ? `the configuration of ${said.saidBy} blocks it` : null
    return fallback === 'BLOCKED' && !ours.has(canonical(registry)) ? NOT_ALLOWED : null
  }

  const placeOf = (
    { registry, path }: RegistryPrefix,
    {
      named,
      insecure,
      ...how
    }: Pick<RepositoryLocation, 'isMirror' | 'serves' | 'insecure'> & { named: string },
  ): RepositoryLocation => {
    const entry = find(registry, path)
    return {
      ...how,
      registry,
      repository: path,
      isNamed: canonical(registry) === canonical(named),
      insecure: insecure || entry?.whereabouts?.insecure === true,
      route: entry?.route,
      problem: entry?.broken ?? null,
    }
  }

  const newPlan = (registry: string, repository: string): RepositoryPlan => {
    const blockedBy = blockOf(registry, repository, access)
    if (blockedBy !== null) return { blockedBy }
    const whereabouts = find(registry, repository)?.whereabouts
    const named = { registry, path: repository }
    const there = (location: string): RegistryPrefix => {
      const to = splitPrefix(location)
      return { registry: to.registry, path: moved(repository, whereabouts?.path ?? '', to.path) }
    }
    const mirrors = (whereabouts?.mirrors ?? [])
      .map(({ location, insecure, serves }) =>
        placeOf(there(location), { named: registry, isMirror: true, insecure, serves }),
      )
      // what a configuration blocks by its own name is not asked under another
      .filter(
        (place) =>
          (place.repository !== '' || repository === '') &&
          blockOf(place.registry, place.repository, 'ALLOWED') === null,
      )
    const origin = placeOf(whereabouts?.location ? there(whereabouts.location) : named, {
      named: registry,
      isMirror: false,
      insecure: whereabouts?.insecure ?? false,
      serves: 'ALL',
    })
    const readFrom = formatPrefix({ registry: origin.registry, path: origin.repository })
    if (origin.repository === '' && repository !== '') {
      return { blockedBy: `it would be read from ${readFrom}, where nothing is left of its name` }
    }
    const originBlock = blockOf(origin.registry, origin.repository, 'ALLOWED')
    if (originBlock !== null) return { blockedBy: `it would be read from ${readFrom}, and ${originBlock}` }
    return { locations: [...mirrors, origin] }
  }
  // asked with each request
  const plans = memoized((name) => {
    const slash = name.indexOf('/')
    return newPlan(name.slice(0, slash), name.slice(slash + 1))
  })
  const planOf = (registry: string, repository: string): RepositoryPlan => plans(`${registry}/${repository}`)

  return {
    planOf,
    blockOf(registry, repository) {
      const plan = planOf(registry, repository)
      return 'blockedBy' in plan ? plan.blockedBy : null
    },
    loginLocationOf(registry, repository) {
      const isInPart =
        repository === null &&
        [...(entries.get(canonicalRegistry(registry))?.values() ?? [])].some(
          ({ access }) => access?.is === 'ALLOWED',
        )
      const blockedBy = isInPart ? null : blockOf(registry, repository ?? '', access)
      if (blockedBy !== null) return { blockedBy }
      const named = { registry, path: repository ?? '' }
      return placeOf(named, { named: registry, isMirror: false, insecure: false, serves: 'ALL' })
    },

    routeToOtherHost(host, via) {
      const blockedBy = blockOf(host, '', 'ALLOWED')
      if (blockedBy !== null) return { blockedBy }
      const entry = find(host, '')
      // by what was configured, of which there is so much: hosts can be named without end
      const key = `${entry?.configuration.id} ${via.route?.id}`
      if (!routesAbroad.has(key)) {
        const { ca, proxy } = entry?.connection ?? NOTHING
        routesAbroad.set(key, routeOf({ ca, client: null, proxy: proxy ?? via.route?.proxy ?? null }))
      }
      return { route: routesAbroad.get(key) }
    },

    limitsOf(registry) {
      const { concurrency = null, requestsPerSecond = null } = find(registry, '')?.configuration ?? {}
      return { concurrency, requestsPerSecond }
    },

    vendorOf(registry, repository) {
      const plan = planOf(registry, repository)
      const origin = 'locations' in plan ? plan.locations.at(-1) : undefined
      const { vendor = null, apiUrl = null } = (origin && find(origin.registry, origin.repository)) ?? {}
      return { vendor, apiUrl }
    },
  }
}

const NOTHING: ConnectionSetting = { ca: null, client: null, proxy: null }
