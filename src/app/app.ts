import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { createAuditLog } from '../access/audit/audit-log.ts'
import { createTagProtections } from '../access/protection/tag-protections.ts'
import { createQuotas } from '../access/quota/quotas.ts'
import { createRequestHours } from '../access/quota/request-hours.ts'
import { createPruner } from '../collect/images/prune.ts'
import { createCredentialTest } from '../credentials/credential-test.ts'
import { isInNetworks } from '../egress/networks.ts'
import { LOG_SUBSCRIPTIONS } from '../graphql/push/log-subscriptions.ts'
import { createSchema } from '../graphql/schema.ts'
import type { Problem } from '../health/problem.ts'
import type { StorageProbe } from '../health/storage-probe.ts'
import { createMetrics } from '../http/metrics/metrics.ts'
import { createServer } from '../http/server.ts'
import { createScheduleRunner } from '../imagestream/schedule/schedule-runner.ts'
import { pullRepositoryOf } from '../imagestream/spec/pull-spec.ts'
import { storageFailure } from '../input/storage-failure.ts'
import { lastBackupOf } from '../operate/backup/last-backup.ts'
import { createBlobFigures } from '../registry/content/blob-figures.ts'
import { createSharedContent } from '../registry/pull-through/shared-content.ts'
import { createTokenEndpoint } from '../registry/sign-in/token-endpoint.ts'
import { openAccess, reportAccess } from './access.ts'
import type { Config } from './config.ts'
import { openCredentials } from './credentials.ts'
import { prepareDataFolder } from './data-folder.ts'
import { createDomain } from './domain.ts'
import { importLog } from './import-log.ts'
import { openKubernetes } from './kubernetes.ts'
import { isForThisMachineAlone, ownNames } from './own-names.ts'
import { HOUR, MINUTE, Opened, OwnHost, type SharedParts } from './parts.ts'
import { openReceivers } from './receivers.ts'
import { openRegistry, registryHostOf } from './registry.ts'
import { openRegistrySignIn } from './registry-sign-in.ts'
import { openRemote } from './remote.ts'
import { createServerView } from './server-view.ts'
import { openFederation, openSignIn } from './sign-in.ts'
import { countedLog } from './storage/counted-log.ts'
import { openStore, readOnlyProblem } from './storage/database.ts'
import { maximumConnections, openHealth, probeOf } from './storage/health.ts'
import { openLogGuard } from './storage/log-guard.ts'
import { refuseLostDatabase } from './storage/lost-database.ts'
import { openTriggers } from './triggers.ts'
import { openTrust } from './trust.ts'
import { startUpkeep } from './upkeep.ts'
import { readVersion } from './version.ts'

export { DatabaseRefusedError } from '../db/refused-error.ts'
export { explainFatal } from '../db/sqlite-errors.ts'
export { SealingKeyError } from '../secrets/sealing-key.ts'

/** Parts of the environment that a caller replaces. */
export interface AppOverrides {
  readonly log?: Logger
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /**
   * Called once when a failed write may or may not be on disk, so that only a restart shows which. By default the error
   * is thrown out of the event loop.
   */
  readonly onFatal?: (error: unknown) => void
  /** Called when the server should be stopped and started again in this process: its disk accepts writes again. */
  readonly onRestart?: () => void
  /** Milliseconds for which the end of the server waits for a further request of a push. */
  readonly pushPauseMs?: number
  /** Replaces the endpoint of a cloud that exchanges keys for logins: for tests, which have no cloud. */
  readonly cloudEndpoint?: (endpoint: URL) => URL
}

/** The whole server, listening. Disposing of it stops it; unfinished imports continue at the next start. */
export interface App extends AsyncDisposable {
  /** `http://127.0.0.1:4000`, with the actual port. */
  readonly url: string
  readonly dataFolder: string
  /** Link that gives the first server admin a session; null when there is one, and without sign-in. */
  readonly firstAdminLink: string | null
}

/**
 * Joins the rooms and listens.
 * Throws ConfigError, DatabaseRefusedError, SealingKeyError, or the error of listening (`EADDRINUSE`); then nothing is left open.
 */
export async function createApp(config: Config, overrides: AppOverrides = {}): Promise<App> {
  const { log = pino({ level: config.logLevel }), now = Date.now, onFatal = rethrowLater } = overrides
  const { cloudEndpoint = (endpoint: URL) => endpoint, onRestart = () => {}, pushPauseMs = 2_000 } = overrides
  const file = join(config.dataFolder, 'imagestreams.db')
  const openAll = async (problem?: Problem): Promise<App> => {
    const opened = new Opened()
    const storage = opened.use(probeOf(config.dataFolder))
    try {
      const environment = { log, now, onFatal, onRestart, pushPauseMs, cloudEndpoint }
      return await open(config, environment, { opened, storage, file, problem })
    } catch (error) {
      await opened[Symbol.asyncDispose]()
      throw error
    }
  }
  try {
    return await openAll()
  } catch (error) {
    const problem = await readOnlyProblem(error, file, probeOf(config.dataFolder))
    if (!problem) throw error
    return openAll(problem)
  }
}

interface Start {
  readonly opened: Opened
  readonly storage: StorageProbe
  /** Path of the database. */
  readonly file: string
  /** Why a copy of it is opened, for reads; undefined as usual. */
  readonly problem: Problem | undefined
}

async function open(
  config: Config,
  { log: given, now, onFatal, onRestart, pushPauseMs, cloudEndpoint }: Required<AppOverrides>,
  { opened, storage, file, problem }: Start,
): Promise<App> {
  const version = readVersion()
  const metrics = createMetrics()
  const log = countedLog(given, metrics.errorLogged)
  const ownHost = new OwnHost()
  await prepareDataFolder(config.dataFolder, log)
  await refuseLostDatabase(config.dataFolder, file)
  const onError = (error: unknown): void => {
    if (storageFailure(error)) storage.writeFailed()
  }
  const reports = { onFatal, onError }
  const store = await openStore(file, { storage, problem, opened, log, onWritable: onRestart, reports })
  const { db } = store
  const audit = opened.use(
    createAuditLog({ db, now, onError: (error) => log.error({ err: error }, 'cannot record a refusal') }),
  )
  const shared: SharedParts = { config, db, audit, now, log, opened, ownHost: ownHost.get }
  const access = openAccess(shared)
  const credentials = openCredentials(shared)
  const requestHours = createRequestHours(db, now)
  const { egress, configurations, remote, importSource } = openRemote(shared, {
    credentials,
    cloudEndpoint,
    observe: metrics.remoteRequest,
    takeFromQuota: requestHours.take,
  })
  const domain = createDomain({
    db,
    logGuard: problem ? undefined : openLogGuard(shared),
    audit,
    rightsOf: access.rightsOf,
    content: config.externalRegistry ? null : createSharedContent({ db, host: registryHostOf(shared) }),
    remote: importSource,
    now,
    uuid: randomUUID,
    importMode: config.importMode,
    maximumTags: config.maximumTags,
    scheduleIntervalMs: config.scheduleMinutes * MINUTE,
    fullScanMs: config.fullScanHours * HOUR,
    blockOf: ({ registry, repository }) => configurations.rules().blockOf(registry, repository),
    onImportFinished: metrics.importFinished,
    onInternalError: (error, importId) =>
      log.error({ err: error, importId }, 'import failed: internal error'),
    onFollowersError: (error) => log.error({ err: error }, 'cannot move tags that follow others'),
    ...importLog(log),
  })
  const { importer, recorder, changeLog, schedules, retryRefused } = domain
  opened.use(recorder)
  opened.defer(access.changes.onChange(retryRefused('NoPullRight')))
  const { sealer } = credentials
  const federation = openFederation(shared, access, egress)
  const registrySignIn = openRegistrySignIn({ ...shared, access, sealer, federation })
  const registry = await openRegistry({
    ...shared,
    domain,
    remote,
    rules: configurations.rules,
    access,
    signIn: registrySignIn,
  })
  const receivers = openReceivers({ ...shared, domain, sealer, egress }, opened)
  const kubernetes = openKubernetes({ ...shared, sealer, egress, domain })
  const trust = openTrust(shared, { domain, remote, registry })
  const triggers = openTriggers({
    ...{ ...shared, domain, sealer, egress, access, trust, kubernetes },
    replicate: registry.replicate,
  })
  const pruner = opened.use(createPruner({ db, audit, recorder, now }))
  const readiness = openHealth({
    db,
    storage,
    copied: problem,
    onDelay: metrics.eventLoopDelayed,
    opened,
    log,
  })
  const server = createServer({
    schema: createSchema(),
    domain: {
      ...domain,
      access,
      audit,
      tagProtections: createTagProtections({ db, audit, now, onUnprotected: retryRefused('ProtectedTag') }),
      quotas: createQuotas({ db, audit, requestHours, now, onSet: retryRefused('QuotaExceeded') }),
      credentials: credentials.store,
      testCredential: createCredentialTest({
        db,
        audit,
        store: credentials.store,
        checkLogin: (place, credential, context) =>
          remote.checkLogin(place, credential, { ...context, lane: 'credential tests' }),
      }),
      pullRepository: (stream) => pullRepositoryOf(stream, registry.view),
      receivers: receivers.view,
      configurations,
      registry: registry.view,
      mirrorings: registry.mirrorings,
      remoteHosts: remote.hostStatuses,
      trust,
      pruner,
      federation,
      kubernetes: kubernetes.view,
      triggers: triggers.view,
      scrub: registry.scrub,
      server: createServerView(config, version, now()),
    },
    version,
    registry: registry.registry,
    respondToken: createTokenEndpoint(registrySignIn),
    notifications: registry.notifications,
    deliveries: receivers.deliveries,
    metrics,
    subscriptions: LOG_SUBSCRIPTIONS,
    authentication: access.authentication,
    signIn: config.signIn === null ? undefined : { ...access, now },
    signInPages: openSignIn({ ...shared, access, sealer, egress }),
    webhookKeys: triggers.view.keyPairs.publicKeys,
    log,
    problems: readiness.problems,
    allowedOrigins: config.allowedOrigins,
    ownOrigin: config.publicUrl?.origin,
    isProxy: isInNetworks(config.trustedProxies),
    maximumConnections: maximumConnections(log),
    timings: { shutdownTimeout: config.drainSeconds * 1000, pushPause: pushPauseMs },
    connectionsPerAddress: config.connectionsPerAddress,
    connectionsPerPrincipal: config.connectionsPerPrincipal,
    costPerMinute: config.costPerMinute,
    requestsPerMinute: config.requestsPerMinute,
    allowedHosts: ownNames(config),
    localNames: !isForThisMachineAlone(config),
  })
  metrics.observe({
    remoteHosts: remote.hostStatuses,
    unfinishedImports: importer.countUnfinished,
    failing: domain.streamConditions.countFailing,
    pushes: changeLog.counts,
    changeLogSequence: changeLog.head,
    changeLogEntries: changeLog.size,
    blobs: createBlobFigures(db),
    nextDueAt: schedules.firstDueAt,
    databaseBytes: db.bytes,
    subscribers: server.subscribers,
    workloads: kubernetes.figures,
    triggerTargets: triggers.view.targets.counts,
    scrub: registry.scrub.figures,
    now,
  })
  metrics.observeServer({
    version,
    problems: readiness.problems,
    space: storage.space,
    reservedBytes: config.minimumFreeBytes,
    lastBackupAt: () => lastBackupOf(config.dataFolder),
    connections: server.connections,
  })
  // at the same time: requests that wait for an import, a mirroring or the pruner get their response before the server stops waiting
  const waitedFor = [server, importer, pruner, ...(registry.mirrorings ? [registry.mirrorings] : [])]
  opened.defer(() => Promise.all(waitedFor.map((part) => part[Symbol.asyncDispose]())))

  await storage.start()
  const { address, family, port } = await server.listen(config)
  log.info({ version, port, signIn: config.signIn ?? 'open' }, 'started')
  ownHost.listensOn(port)
  importer.resume()
  recorder.restoreFollowers()
  receivers.start()
  kubernetes.start()
  const scheduled = createScheduleRunner({
    ...domain,
    db,
    perMinute: config.scheduledImportsPerMinute,
    waitsUntil: requestHours.waitsUntil,
    now,
    onError: (error) => log.error({ err: error }, 'scheduled import failed'),
  })
  opened.use(scheduled).start()
  triggers.start()
  registry.start()
  startUpkeep(shared, { pruner, changeLog })
  // a link could not be used, and would be lost with the copy
  const firstAdminLink = problem ? null : reportAccess(shared, access, domain.streams.namespaces)
  // in the same turn: no request has been handled yet
  store.start()
  return {
    firstAdminLink,
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
