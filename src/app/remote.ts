import type { Logger } from 'pino'
import type { Database } from '../db/open.ts'
import { createEgress, type Egress } from '../egress/egress.ts'
import type { RemoteRegistry } from '../imagestream/image/remote-registry.ts'
import { MAX_CONCURRENCY } from '../registry-config/configuration-input.ts'
import {
  createRegistryConfigurations,
  type RegistryConfigurations,
} from '../registry-config/registry-configurations.ts'
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
} from '../remote/registry-client.ts'
import { cloudExchanges } from '../vendors/cloud-exchanges.ts'
import { createVendorListings } from '../vendors/listings.ts'
import { type Config, ConfigError } from './config.ts'
import type { OpenedCredentials } from './credentials.ts'
import type { Opened } from './opened.ts'

export interface RemoteParts {
  readonly config: Config
  readonly db: Database
  readonly credentials: Pick<OpenedCredentials, 'remote' | 'sealer'>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
  /** Where an endpoint of a cloud is really asked for a login. */
  readonly cloudEndpoint: (endpoint: URL) => URL
  /** Told how each request to another host ended. */
  readonly onAnswered: NonNullable<RegistryClientOptions['observe']>
}

/** What leads to other registries. */
export interface RemoteRooms {
  readonly egress: Egress
  readonly configurations: RegistryConfigurations
  readonly remote: RegistryClient
  /** `remote` with the vendors' listings, for imports. */
  readonly importSource: RemoteRegistry
}

/** Joins the only way out with what is configured of other registries. Throws ConfigError. */
export function openRemote(parts: RemoteParts, opened: Opened): RemoteRooms {
  const { config, db, credentials, now, log, cloudEndpoint, onAnswered } = parts
  const egress = opened.use(openEgress(config))
  const configurations = createRegistryConfigurations({
    db,
    sealer: credentials.sealer,
    now,
    own: config.externalRegistry ? [config.externalRegistry.host] : [],
    onChanged: () => {
      egress.renew()
      remote.forgetFailures()
    },
  })
  const remote = createRegistryClient({
    egress,
    credentials: credentials.remote,
    limits: { requestsPerHost: config.requestsPerRegistry },
    cloudExchanges,
    cloudEndpoint,
    limitsOf: (registry) => configurations.rules().limitsOf(registry),
    rules: configurations.rules,
    warn: (warning) => log.warn(warning, 'a registry broke a rule'),
    observe: onAnswered,
  })
  const vendors = createVendorListings({
    remote,
    configurationOf: (registry, repository) => configurations.rules().vendorOf(registry, repository),
    warn: (warning) => log.warn(warning, "a vendor's listing broke a rule"),
  })
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
      // another machine could use us to reach what listens only for this one
      loopback: !config.openToEverybody,
      allowedCidrs: config.privateNetworks,
      ca: config.ca,
      // the most that a configuration may ask for: how many there are at a time is for the queues to say
      connectionsPerOrigin: Math.max(config.requestsPerRegistry, MAX_CONCURRENCY),
    })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const setting = '--private-networks (IMAGESTREAMS_PRIVATE_NETWORKS)'
    throw new ConfigError(`${setting}: ${error.message}`, { cause: error })
  }
}
