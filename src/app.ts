import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { createCredentialTest } from './access/credential-test.ts'
import { openCredentials } from './app-credentials.ts'
import { openDomain } from './app-domain.ts'
import { openMetrics } from './app-metrics.ts'
import { openRegistry } from './app-registry.ts'
import { openTrust } from './app-trust.ts'
import { openWebhooks } from './app-webhooks.ts'
import { type Config, ConfigError } from './config.ts'
import { openDatabase } from './db/open.ts'
import { createEgress, type Egress } from './egress/egress.ts'
import type { PushLog } from './events/push-log.ts'
import { pushFilterOf } from './graphql/image-push.ts'
import { createSchema } from './graphql/schema.ts'
import { LOOPBACK_HOSTS } from './http/origin.ts'
import { createServer } from './http/server.ts'
import { createScheduleRunner } from './imagestream/schedule-runner.ts'
import { Opened } from './opened.ts'
import { createPruner, type Pruner } from './prune/prune.ts'
import { schedule } from './registry/collect-schedule.ts'
import { MAX_CONCURRENCY } from './registry-config/configuration-input.ts'
import { createRegistryConfigurations } from './registry-config/registry-configurations.ts'
import { createRemoteRegistry } from './remote/remote-registry.ts'
import { createVendorListings } from './vendors/vendor-listings.ts'

export { SealingKeyError } from './access/errors.ts'
export { DatabaseRefusedError } from './db/open.ts'

export interface AppOverrides {
  readonly log?: Logger
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Called once when only a restart tells what is on disk; by default it throws out of the event loop. */
  readonly onFatal?: (error: unknown) => void
  /** Where an endpoint of a cloud is really asked for a login: for tests, which have no cloud. */
  readonly cloudEndpoint?: (endpoint: URL) => URL
}

/** The whole server, listening. Disposing stops it; what was under way goes on at the next start. */
export interface App extends AsyncDisposable {
  /** `http://127.0.0.1:4000`, with the port that was taken. */
  readonly url: string
  readonly dataFolder: string
}

const MINUTE = 60 * 1000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/**
 * Joins the rooms and listens.
 * Throws ConfigError, DatabaseRefusedError, SealingKeyError, or what listening fails with (`EADDRINUSE`); then nothing is left open.
 */
export async function createApp(config: Config, overrides: AppOverrides = {}): Promise<App> {
  const { log = pino({ level: config.logLevel }), now = Date.now, onFatal = rethrowLater } = overrides
  const { cloudEndpoint = (endpoint: URL) => endpoint } = overrides
  const opened = new Opened()
  try {
    return await open(config, { log, now, onFatal, cloudEndpoint }, opened)
  } catch (error) {
    await opened[Symbol.asyncDispose]()
    throw error
  }
}

async function open(
  config: Config,
  { log, now, onFatal, cloudEndpoint }: Required<AppOverrides>,
  opened: Opened,
): Promise<App> {
  const databaseFile = join(config.dataFolder, 'imagestreams.db')
  const db = opened.use(openDatabase(databaseFile, { onFatal }))
  const credentials = openCredentials({ config, db, now, log })
  opened.use(credentials.store)
  const egress = opened.use(openEgress(config))
  const configurations = createRegistryConfigurations({
    db,
    sealer: credentials.sealer,
    now,
    own: config.externalRegistry ? [config.externalRegistry.host] : [],
    onChanged: () => {
      egress.renew()
      remote.reconsider()
    },
  })
  const remote = createRemoteRegistry({
    egress,
    credentials: credentials.remote,
    limits: { requestsPerHost: config.requestsPerRegistry },
    cloudEndpoint,
    onAgeingLogin: ({ expires, ...login }) =>
      log.warn(
        { ...login, ends: new Date(expires).toISOString() },
        'a login could not be renewed, and is used to its end',
      ),
    limitsOf: (registry) => configurations.rules().limitsOf(registry),
    rules: configurations.rules,
    warn: (warning) => log.warn(warning, 'a registry broke a rule'),
    observe: (host, outcome) => metrics.remoteRequest(host, outcome),
  })

  const vendors = createVendorListings({
    remote,
    configurationOf: (registry, repository) => configurations.rules().vendorOf(registry, repository),
    warn: (warning) => log.warn(warning, "a vendor's listing broke a rule"),
  })

  const domain = openDomain({
    config,
    db,
    remote,
    vendors,
    configurations,
    now,
    log,
    onImportFinished: (finished) => metrics.importFinished(finished),
  })
  const { images, streams, recorder, writer, importer, schedules } = domain
  const metrics = openMetrics({
    ...{ databaseFile, remote, importer, schedules, now, pushes: domain.pushes },
    subscribers: () => server.subscribers(),
  })
  const pruner = opened.use(createPruner({ db, recorder, now }))

  let ownHost = ''
  const registry = await openRegistry(
    { config, db, images, streams, recorder, writer, remote, now, log, ownHost: () => ownHost },
    opened,
  )
  const { sealer } = credentials
  const webhooks = openWebhooks(
    { config, db, domain, sealer, egress, now, log, ownHost: () => ownHost },
    opened,
  )

  const trust = opened.use(openTrust({ db, remote, registry, now, log }))

  const server = createServer({
    schema: createSchema(),
    domain: {
      ...domain,
      credentials: credentials.store,
      testCredential: createCredentialTest(credentials.store, (place, credential, errand) =>
        remote.checkLogin(place, credential, { ...errand, lane: 'credential tests' }),
      ),
      // what is imported is pulled through the integrated registry; another one has only what was pushed to it
      pullRepository: ({ namespace, name, dockerImageRepository }) =>
        (registry.view.isIntegrated ? null : dockerImageRepository) ??
        `${registry.view.host()}/${namespace}/${name}`,
      webhooks: webhooks.view,
      configurations,
      registry: registry.view,
      remoteHosts: remote.standings,
      trust,
      pruner,
    },
    registry: registry.registry,
    webhook: registry.webhook,
    deliveries: webhooks.deliveries,
    metrics,
    filterOf: pushFilterOf,
    log,
    allowedOrigins: config.allowedOrigins,
    allowedHosts: config.openToEverybody ? undefined : LOOPBACK_HOSTS,
  })
  // together: who waits for an import or the pruner is answered at once, not cut off when the server has waited
  // long enough
  opened.defer(() =>
    Promise.all([
      server[Symbol.asyncDispose](),
      importer[Symbol.asyncDispose](),
      pruner[Symbol.asyncDispose](),
    ]),
  )
  const { address, family, port } = await server.listen(config)
  ownHost = `localhost:${port}`
  importer.resume()
  webhooks.start()
  const scheduled = createScheduleRunner({
    db,
    schedules,
    importer,
    perMinute: config.scheduledImportsPerMinute,
    now,
    onError: (error) => log.error({ err: error }, 'what is scheduled could not be imported'),
  })
  opened.use(scheduled).start()
  registry.start()
  pruneRegularly({ pruner, config, now, log }, opened)
  trimRegularly({ pushes: domain.pushes, config, now, log }, opened)

  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    dataFolder: config.dataFolder,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

interface RegularPruning extends Pick<Required<AppOverrides>, 'now' | 'log'> {
  readonly pruner: Pruner
  readonly config: Config
}

/** Prunes now and from then on, where the configuration says how often. */
function pruneRegularly({ pruner, config, now, log }: RegularPruning, opened: Opened): void {
  const { pruneHours, keepTagRevisions, pruneYoungerThanMinutes: keepYoungerThanMinutes } = config
  if (pruneHours === null) return
  const run = async (): Promise<void> => {
    try {
      const { events, images, bytes } = await pruner.prune({ keepTagRevisions, keepYoungerThanMinutes })
      log.info({ events: events.total, images: images.total, bytes }, 'pruned')
    } catch (error) {
      log.error({ err: error }, 'the pruner did not come to its end')
    }
  }
  // no run leaves a trace behind, and one that finds nothing is soon done: the first begins at once
  opened.use(schedule({ intervalMs: pruneHours * HOUR, now, lastFinish: () => undefined, run }))
}

interface RegularTrimming extends Pick<Required<AppOverrides>, 'now' | 'log'> {
  readonly pushes: PushLog
  readonly config: Config
}

/** Drops what is too old of the push log, now and each hour, where the configuration says what is. */
function trimRegularly({ pushes, config, now, log }: RegularTrimming, opened: Opened): void {
  if (config.pushLogDays === null) return
  const keep = config.pushLogDays * DAY
  const trim = (): unknown => pushes.dropBefore(now() - keep)
  trim()
  const trimLater = (): void => {
    try {
      trim()
    } catch (error) {
      // a full disk, say: the next hour tries again
      log.error({ err: error }, 'the push log could not be trimmed')
    }
  }
  const timer = setInterval(trimLater, HOUR).unref()
  opened.defer(() => clearInterval(timer))
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

const rethrowLater = (error: unknown): void => {
  setImmediate(() => {
    throw error
  })
}
