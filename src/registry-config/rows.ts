import type { registryConfigurations } from '../db/tables/registry-config.ts'
import { formatPrefix } from '../logins/registry-login.ts'
import type { Mirror, OpenedConfiguration, RegistryConfiguration } from './configuration.ts'
import type { Secrets } from './secrets.ts'

export type Row = typeof registryConfigurations.$inferSelect

/** Without its secrets. */
export function configurationOf({
  mirrors,
  insecure,
  proxyUrl,
  proxyUsername,
  ...row
}: Row): RegistryConfiguration {
  return {
    ...row,
    mirrors: mirrors === null ? null : (JSON.parse(mirrors) as Mirror[]),
    insecure: insecure === null ? null : insecure === 1,
    proxy: proxyUrl === null ? null : { url: proxyUrl, username: proxyUsername },
  }
}

/** What is stored of it, in the order of the columns in `CHANGED`. */
export const valuesOf = (configuration: RegistryConfiguration) => {
  const { access, location, mirrors, insecure, ca, clientCertificate, proxy } = configuration
  const { concurrency, requestsPerSecond, vendor, apiUrl } = configuration
  return [
    ...[access, location, mirrors && JSON.stringify(mirrors), insecure === null ? null : Number(insecure)],
    ...[ca, clientCertificate, proxy?.url ?? null, proxy?.username ?? null],
    ...[concurrency, requestsPerSecond, vendor, apiUrl],
  ]
}

/** The columns that a change may write. */
export const CHANGED = [
  ...['access', 'location', 'mirrors', 'insecure'],
  ...['ca', 'client_certificate', 'proxy_url', 'proxy_username'],
  ...['concurrency', 'requests_per_second', 'vendor', 'api_url'],
]

/** What a select reads of a row. */
export const COLUMNS = `id, registry, path, access, location, mirrors, insecure, ca,
  client_certificate as clientCertificate, proxy_url as proxyUrl, proxy_username as proxyUsername, concurrency,
  requests_per_second as requestsPerSecond, vendor, api_url as apiUrl, created_at as createdAt,
  updated_at as updatedAt`

/** With its secrets, or why they cannot be had. */
export function openedOf(configuration: RegistryConfiguration, secrets: Secrets): OpenedConfiguration {
  try {
    const clientKey = secrets.open(configuration, 'CLIENT_KEY')
    const proxyPassword = secrets.open(configuration, 'PROXY_PASSWORD')
    // deleted with a key that was lost
    const isLost =
      (configuration.clientCertificate !== null && clientKey === null) ||
      (typeof configuration.proxy?.username === 'string' && proxyPassword === null)
    const broken = isLost
      ? `a secret of the configuration of ${formatPrefix(configuration)} is lost: give it again`
      : null
    return { configuration, clientKey, proxyPassword, broken }
  } catch (error) {
    const broken = error instanceof Error ? error.message : 'its secrets cannot be opened'
    return { configuration, clientKey: null, proxyPassword: null, broken }
  }
}
