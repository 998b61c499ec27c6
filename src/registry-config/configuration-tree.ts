import { createHash } from 'node:crypto'
import { memoized } from '../concurrency/cache.ts'
import type { Route } from '../egress/route.ts'
import { basicCredentials, formatPrefix, pathsAbove } from '../logins/registry-login.ts'
import type { Access, OpenedConfiguration, RegistryConfiguration } from './configuration.ts'
import { canonicalRegistry } from './prefix.ts'

/** Connection settings of one configuration. */
interface ConnectionSettings extends Pick<Route, 'client' | 'proxy'> {
  /** PEM. */
  readonly ca: string | null
}

/** A configuration, completed with the settings of the shorter prefixes above it. */
export interface EffectiveConfiguration {
  readonly configuration: RegistryConfiguration
  /** Access, and the prefix whose configuration sets it; null where none does. */
  readonly access: { readonly value: Access; readonly setBy: string } | null
  /** The configuration whose `location`, `mirrors` and `insecure` apply: the three are never combined from several. */
  readonly locations: RegistryConfiguration | null
  readonly connection: ConnectionSettings
  /** Why a secret of it, or of a configuration above it, cannot be used; null when all can. */
  readonly broken: string | null
  readonly vendor: RegistryConfiguration['vendor']
  readonly apiUrl: string | null
  readonly route: Route | undefined
}

/** All configurations, by registry and path. */
export class ConfigurationTree {
  readonly #registries = new Map<string, Map<string, EffectiveConfiguration>>()
  readonly #canonical = memoized(canonicalRegistry)

  constructor(configurations: readonly OpenedConfiguration[]) {
    const shortestFirst = configurations.toSorted(
      (a, b) => a.configuration.path.length - b.configuration.path.length,
    )
    for (const opened of shortestFirst) {
      const { registry, path } = opened.configuration
      const above = this.find(registry, path)
      const paths = this.#registries.get(registry) ?? new Map<string, EffectiveConfiguration>()
      this.#registries.set(registry, paths)
      paths.set(path, complete(opened, above))
    }
  }

  /** Returns the configuration with the longest path that contains the repository. */
  find(registry: string, repository: string): EffectiveConfiguration | undefined {
    const paths = this.#registries.get(this.canonical(registry))
    if (!paths) return undefined
    for (const path of pathsAbove(repository)) {
      const found = paths.get(path)
      if (found) return found
    }
    return undefined
  }

  /** Returns the configurations of the registry and of its parts. */
  ofRegistry(registry: string): EffectiveConfiguration[] {
    return [...(this.#registries.get(this.canonical(registry))?.values() ?? [])]
  }

  canonical(registry: string): string {
    return this.#canonical(registry)
  }
}

function complete(
  { configuration, clientKey, proxyPassword, broken }: OpenedConfiguration,
  above: EffectiveConfiguration | undefined,
): EffectiveConfiguration {
  const { access, location, mirrors, insecure, ca, clientCertificate, proxy, vendor, apiUrl } = configuration
  const setsLocations = location !== null || mirrors !== null || insecure !== null
  const connection: ConnectionSettings = {
    ca: ca ?? above?.connection.ca ?? null,
    client:
      clientCertificate !== null && clientKey !== null
        ? { certificate: clientCertificate, key: clientKey }
        : (above?.connection.client ?? null),
    proxy: proxy
      ? { url: proxy.url, authorization: authorizationOf(proxy.username, proxyPassword) }
      : (above?.connection.proxy ?? null),
  }
  return {
    configuration,
    access: access === null ? (above?.access ?? null) : { value: access, setBy: formatPrefix(configuration) },
    locations: setsLocations ? configuration : (above?.locations ?? null),
    connection,
    broken: broken ?? above?.broken ?? null,
    vendor: vendor ?? above?.vendor ?? null,
    apiUrl: apiUrl ?? above?.apiUrl ?? null,
    route: routeOf(connection),
  }
}

/** Returns the route of the settings; undefined when all are null. */
export function routeOf({ ca, client, proxy }: ConnectionSettings): Route | undefined {
  if (ca === null && client === null && proxy === null) return undefined
  const id = createHash('sha256')
    .update(JSON.stringify([ca, client, proxy]))
    .digest('base64url')
  return { id, ca: ca === null ? [] : [ca], client, proxy }
}

const authorizationOf = (username: string | null, password: string | null): string | null =>
  username === null ? null : `Basic ${basicCredentials(username, password ?? '')}`
