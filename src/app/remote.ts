import { createEgress, type Egress } from '../egress/egress.ts'
import type { RemoteRegistry } from '../imagestream/image/remote-registry.ts'
import { MAX_CONCURRENCY } from '../registry-config/configuration-input.ts'
import { mayReceive } from '../registry-config/receivers.ts'
import { createRegistryConfigurations } from '../registry-config/registry-configurations.ts'
import { createRegistryClient, type RegistryClientOptions } from '../remote/registry-client.ts'
import { ecrRepository } from '../vendors/amazon/create-repository.ts'
import { cloudExchanges } from '../vendors/cloud-exchanges.ts'
import { createVendorListings } from '../vendors/listings.ts'
import { type Config, ConfigError } from './config.ts'
import type { OpenedCredentials } from './credentials.ts'
import { isForThisMachineAlone } from './own-names.ts'
import type { SharedParts } from './parts.ts'

interface RemoteParts {
  readonly credentials: OpenedCredentials
  /** Returns the URL that replaces an endpoint of a cloud's login. */
  readonly cloudEndpoint: (endpoint: URL) => URL
  /** Receives the outcome of each request to another host. */
  readonly observe: NonNullable<RegistryClientOptions['observe']>
  /** Counts the requests of each namespace. */
  readonly takeFromQuota: NonNullable<RegistryClientOptions['takeFromQuota']>
}

/** Joins the clients of other registries with their configuration. Throws ConfigError. */
export function openRemote(
  { config, db, audit, now, log, opened }: SharedParts,
  { credentials, cloudEndpoint, observe, takeFromQuota }: RemoteParts,
) {
  const egress = opened.use(openEgress(config))
  const configurations = createRegistryConfigurations({
    db,
    audit,
    sealer: credentials.sealer,
    now,
    own: config.externalRegistry ? [config.externalRegistry.host] : [],
    unbind: (tx, { prefix, hosts }) =>
      credentials.store.unbind(tx, {
        by: prefix,
        isAffected: (registry, kind) => mayReceive(hosts, registry, kind),
      }),
  })
  const remote = createRegistryClient({
    egress,
    credentials: credentials.remoteFor(configurations),
    limits: { requestsPerHost: config.requestsPerRegistry },
    cloudExchanges,
    cloudEndpoint,
    repositoryCreators: [ecrRepository],
    limitsOf: (registry) => configurations.rules().limitsOf(registry),
    rules: configurations.rules,
    warn: (warning) => log.warn(warning, 'registry violates the protocol'),
    observe,
    takeFromQuota,
  })
  configurations.onChanged(() => {
    egress.renew()
    remote.forgetFailures()
  })
  const vendors = createVendorListings({
    remote,
    configurationOf: (registry, repository) => configurations.rules().vendorOf(registry, repository),
    warn: (warning) => log.warn(warning, 'invalid listing of a vendor'),
  })
  /** `remote` with the vendors' listings, for imports. */
  const importSource: RemoteRegistry = {
    repository: (reference, options) => ({
      ...remote.repository(reference, options),
      vendorListing: () => vendors.listingOf(reference, options),
    }),
  }
  return { egress, configurations, remote, importSource }
}

function openEgress(config: Config): Egress {
  try {
    return createEgress({
      // other machines must not reach loopback services of this machine through the server
      loopback: isForThisMachineAlone(config),
      allowedCidrs: config.privateNetworks,
      ca: config.ca,
      // the maximum of a configuration: the queues of the hosts limit concurrency
      connectionsPerOrigin: Math.max(config.requestsPerRegistry, MAX_CONCURRENCY),
    })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const setting = '--private-networks (IMAGESTREAMS_PRIVATE_NETWORKS)'
    throw new ConfigError(`${setting}: ${error.message}`, { cause: error })
  }
}
