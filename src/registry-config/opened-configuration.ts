import { formatPrefix } from '../logins/registry-login.ts'
import { BrokenSealError } from '../secrets/errors.ts'
import type { ConfigurationRow, OpenedConfiguration } from './configuration.ts'
import { configurationOf } from './configuration-rows.ts'
import type { RegistrySecrets } from './secrets.ts'

/** Opens the secrets of a configuration, or returns why they cannot be used. */
export function openConfiguration(row: ConfigurationRow, secrets: RegistrySecrets): OpenedConfiguration {
  const configuration = configurationOf(row)
  try {
    const clientKey = secrets.open(row, 'CLIENT_KEY')
    const proxyPassword = secrets.open(row, 'PROXY_PASSWORD')
    // deleted because its key was lost
    const isLost =
      (row.clientCertificate !== null && clientKey === null) ||
      (row.proxyUsername !== null && proxyPassword === null)
    const broken = isLost
      ? `a secret of the configuration of ${formatPrefix(configuration)} is lost: set it again`
      : null
    return { configuration, clientKey, proxyPassword, broken }
  } catch (error) {
    if (!(error instanceof BrokenSealError)) throw error
    return { configuration, clientKey: null, proxyPassword: null, broken: error.message }
  }
}
