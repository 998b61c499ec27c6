import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { createPruner } from '../collect/images/prune.ts'
import { createCredentialTest } from '../credentials/credential-test.ts'
import { openDatabase } from '../db/open.ts'
import { pushFilterOf } from '../graphql/push/image-push.ts'
import { createSchema } from '../graphql/schema.ts'
import { LOOPBACK_HOSTS } from '../http/request/origin.ts'
import { createServer } from '../http/server.ts'
import { createScheduleRunner } from '../imagestream/schedule/schedule-runner.ts'
import type { Config } from './config.ts'
import { openCredentials } from './credentials.ts'
import { createDomain } from './domain.ts'
import { openMetrics } from './metrics.ts'
import { Opened } from './opened.ts'
import { openRegistry } from './registry.ts'
import { openRemote } from './remote.ts'
import { openTrust } from './trust.ts'
import { keepUp } from './upkeep.ts'
import { openWebhooks } from './webhooks.ts'

export { DatabaseRefusedError } from '../db/open.ts'
export { SealingKeyError } from '../secrets/errors.ts'

export interface AppOverrides {
  readonly log?: Logger
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Called once when only a restart tells what is on disk; by default it throws out of the event loop. */
  readonly onFatal?: (error: unknown) => void
  /** Where an endpoint of a cloud is really asked for a login: for tests, which have no cloud. */
  readonly cloudEndpoint?: (endpoint: URL) => URL
}

const MINUTE = 60 * 1000
const HOUR = 60 * MINUTE

/** The whole server, listening. Disposing stops it; what was under way goes on at the next start. */
export interface App extends AsyncDisposable {
  /** `http://127.0.0.1:4000`, with the port that was taken. */
  readonly url: string
  readonly dataFolder: string
}

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
  const { egress, configurations, remote, importSource } = openRemote(
    {
      ...{ config, db, credentials, now, log, cloudEndpoint },
      onAnswered: (host, outcome) => metrics.remoteRequest(host, outcome),
    },
    opened,
  )

  const domain = createDomain({
    db,
    remote: importSource,
    now,
    uuid: randomUUID,
    importMode: config.importMode,
    maximumTags: config.maximumTags,
    scheduleIntervalMs: config.scheduleMinutes * MINUTE,
    fullSweepMs: config.fullSweepHours * HOUR,
    blockOf: ({ registry, repository }) => configurations.rules().blockOf(registry, repository),
    onImportFinished: (finished) => metrics.importFinished(finished),
    onInternalError: (error, importId) =>
      log.error({ err: error, importId }, 'import failed: internal error'),
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
      testCredential: createCredentialTest(credentials.store, (place, credential, context) =>
        remote.checkLogin(place, credential, { ...context, lane: 'credential tests' }),
      ),
      // what is imported is pulled through the integrated registry; another one has only what was pushed to it
      pullRepository: ({ namespace, name, dockerImageRepository }) =>
        (registry.view.isIntegrated ? null : dockerImageRepository) ??
        `${registry.view.host()}/${namespace}/${name}`,
      webhooks: webhooks.view,
      configurations,
      registry: registry.view,
      remoteHosts: remote.hostStatuses,
      trust,
      pruner,
    },
    registry: registry.registry,
    notifications: registry.notifications,
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
  keepUp({ config, pruner, pushes: domain.pushes, now, log }, opened)

  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    dataFolder: config.dataFolder,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

const rethrowLater = (error: unknown): void => {
  setImmediate(() => {
    throw error
  })
}
