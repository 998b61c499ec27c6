import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { openRegistry } from './app-registry.ts'
import { type Config, ConfigError } from './config.ts'
import { openDatabase } from './db/open.ts'
import { createEgress, type Egress } from './egress/egress.ts'
import { createPushLog } from './events/push-log.ts'
import { pushFilterOf } from './graphql/image-push.ts'
import { createSchema } from './graphql/schema.ts'
import { LOOPBACK_HOSTS } from './http/origin.ts'
import { createServer } from './http/server.ts'
import { createImages } from './imagestream/image.ts'
import { createImporter } from './imagestream/import.ts'
import { createImportImage } from './imagestream/import-image.ts'
import { createImportRows } from './imagestream/import-rows.ts'
import { createTagRecorder } from './imagestream/record.ts'
import { createStreams } from './imagestream/stream.ts'
import { createTags } from './imagestream/tag.ts'
import { createStreamWriter } from './imagestream/write-stream.ts'
import { Opened } from './opened.ts'
import { createDockerConfigCredentials, noCredentials } from './remote/credentials.ts'
import { createRemoteRegistry } from './remote/remote-registry.ts'

export { DatabaseRefusedError } from './db/open.ts'

export interface AppOverrides {
  readonly log?: Logger
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Called once when only a restart tells what is on disk; by default it throws out of the event loop. */
  readonly onFatal?: (error: unknown) => void
}

/** The whole server, listening. Disposing stops it; what was under way goes on at the next start. */
export interface App extends AsyncDisposable {
  /** `http://127.0.0.1:4000`, with the port that was taken. */
  readonly url: string
  readonly dataFolder: string
}

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

/**
 * Joins the rooms and listens.
 * Throws ConfigError, DatabaseRefusedError, or what listening fails with (`EADDRINUSE`); then nothing is left open.
 */
export async function createApp(config: Config, overrides: AppOverrides = {}): Promise<App> {
  const { log = pino({ level: config.logLevel }), now = Date.now, onFatal = rethrowLater } = overrides
  const opened = new Opened()
  try {
    return await open(config, { log, now, onFatal }, opened)
  } catch (error) {
    await opened[Symbol.asyncDispose]()
    throw error
  }
}

async function open(
  config: Config,
  { log, now, onFatal }: Required<AppOverrides>,
  opened: Opened,
): Promise<App> {
  const db = opened.use(openDatabase(join(config.dataFolder, 'imagestreams.db'), { onFatal }))
  const egress = opened.use(openEgress(config))
  const remote = createRemoteRegistry({
    egress,
    credentials: config.dockerConfig
      ? createDockerConfigCredentials({ path: config.dockerConfig })
      : noCredentials,
    limits: { requestsPerHost: config.requestsPerRegistry },
    warn: (warning) => log.warn(warning, 'a registry broke a rule'),
  })

  const pushes = createPushLog(db)
  const images = createImages(db)
  const streams = createStreams(db)
  const tags = createTags(db)
  const recorder = createTagRecorder(db, pushes)
  const importer = createImporter({
    db,
    remote,
    images,
    streams,
    tags,
    recorder,
    rows: createImportRows(db),
    now,
    maximumTags: config.maximumTags,
    onInternalError: (error, importId) =>
      log.error({ err: error, importId }, 'an import met an internal error'),
  })
  const { importMode } = config
  const writer = createStreamWriter({ db, streams, importer, now, uuid: randomUUID, importMode })
  const importImage = createImportImage({ db, streams, writer, importer, importMode })

  let ownHost = ''
  const registry = await openRegistry(
    { config, db, images, streams, recorder, writer, remote, now, log, ownHost: () => ownHost },
    opened,
  )

  const server = createServer({
    schema: createSchema(),
    domain: {
      pushes,
      streams,
      tags,
      images,
      importer,
      writer,
      importImage,
      pullRepository: ({ namespace, name }) => `${registry.view.host()}/${namespace}/${name}`,
      registry: registry.view,
    },
    registry: registry.registry,
    webhook: registry.webhook,
    filterOf: pushFilterOf,
    log,
    allowedOrigins: config.allowedOrigins,
    allowedHosts: config.openToEverybody ? undefined : LOOPBACK_HOSTS,
  })
  // together: who waits for an import is answered at once, not cut off when the server has waited long enough
  opened.defer(() => Promise.all([server[Symbol.asyncDispose](), importer[Symbol.asyncDispose]()]))
  const { address, family, port } = await server.listen(config)
  ownHost = `localhost:${port}`
  importer.resume()
  registry.start()

  if (config.pushLogDays !== null) {
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

  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    dataFolder: config.dataFolder,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

function openEgress(config: Config): Egress {
  try {
    return createEgress({
      // another machine could use us to reach what listens only for this one
      loopback: !config.openToEverybody,
      allowedCidrs: config.privateNetworks,
      ca: config.ca,
      connectionsPerOrigin: config.requestsPerRegistry,
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
