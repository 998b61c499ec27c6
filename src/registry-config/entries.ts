import type { Route } from '../egress/route.ts'
import { basicCredentials, formatPrefix, pathsAbove } from '../logins/registry-login.ts'
import type { Access, OpenedConfiguration, RegistryConfiguration } from './configuration.ts'
import { type ConnectionSetting, routeOf } from './route.ts'

/** A configuration, and what the shorter prefixes above it say where it says nothing. */
export interface Entry {
  readonly configuration: RegistryConfiguration
  readonly access: { readonly is: Access; readonly saidBy: string } | null
  /** The configuration that says where its repositories are; all of that is said in one place. */
  readonly whereabouts: RegistryConfiguration | null
  readonly connection: ConnectionSetting
  readonly broken: string | null
  readonly vendor: RegistryConfiguration['vendor']
  readonly apiUrl: string | null
  readonly route: Route | undefined
}

/** By registry, and by path. */
type Entries = ReadonlyMap<string, ReadonlyMap<string, Entry>>

/** Each configuration with what is said above it. */
export function arrange(configurations: readonly OpenedConfiguration[]): Entries {
  const entries = new Map<string, Map<string, Entry>>()
  const shortestFirst = [...configurations].sort(
    (a, b) => a.configuration.path.length - b.configuration.path.length,
  )
  for (const opened of shortestFirst) {
    const { registry, path } = opened.configuration
    const ofRegistry = entries.get(registry) ?? new Map<string, Entry>()
    entries.set(registry, ofRegistry)
    let above: Entry | undefined
    for (const shorter of pathsAbove(path)) above ??= ofRegistry.get(shorter)
    ofRegistry.set(path, entryOf(opened, above))
  }
  return entries
}

function entryOf(
  { configuration, clientKey, proxyPassword, broken }: OpenedConfiguration,
  above: Entry | undefined,
): Entry {
  const { access, location, mirrors, insecure, ca, clientCertificate, proxy, vendor, apiUrl } = configuration
  const saysWhere = location !== null || mirrors !== null || insecure !== null
  const connection: ConnectionSetting = {
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
    access: access === null ? (above?.access ?? null) : { is: access, saidBy: formatPrefix(configuration) },
    whereabouts: saysWhere ? configuration : (above?.whereabouts ?? null),
    connection,
    broken: broken ?? above?.broken ?? null,
    vendor: vendor ?? above?.vendor ?? null,
    apiUrl: apiUrl ?? above?.apiUrl ?? null,
    route: routeOf(connection),
  }
}

const authorizationOf = (username: string | null, password: string | null): string | null =>
  username === null ? null : `Basic ${basicCredentials(username, password ?? '')}`
