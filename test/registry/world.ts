import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { createRightSets, type RightSets } from '../../src/access/right/right-sets.ts'
import { EVERYTHING, type Rights } from '../../src/access/right/rights.ts'
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { createDiskStore } from '../../src/blobs/blob-store.ts'
import { createPushReceiver } from '../../src/imagestream/commands/push.ts'
import { type Content, createContent } from '../../src/registry/content/content.ts'
import type { RegistryStreams } from '../../src/registry/content/registry-streams.ts'
import { DEFAULT_LIMITS, type RegistryLimits } from '../../src/registry/protocol/limits.ts'
import type { PullThrough } from '../../src/registry/pull-through/pull-through.ts'
import { createRegistry, type RegistryRequestContext } from '../../src/registry/registry.ts'
import { TOKEN_PATH } from '../../src/registry/sign-in/challenge.ts'
import type { RegistrySignIn } from '../../src/registry/sign-in/dependencies.ts'
import { createTokenEndpoint } from '../../src/registry/sign-in/token-endpoint.ts'
import { BodyBudget } from '../../src/request-body/body-budget.ts'
import { NO_AUDIT } from '../fixtures/no-audit.ts'
import { TestDomain } from '../fixtures/test-domain.ts'
import { type Client, clientOf } from './client.ts'
import { RawConnection } from './raw-connection.ts'
import { testSignIn } from './test-sign-in.ts'

export interface WorldOptions {
  /** Data folder, which is kept by the disposal; without one, a temporary folder is used. */
  readonly folder?: string
  readonly limits?: Partial<RegistryLimits>
  /** Bytes of the bodies of all requests in memory at a time; any number by default. */
  readonly bodyMemory?: number
  /** Rights of the principal that is the bearer token of a request, or `anybody`; by default everything. */
  readonly rightsOf?: (principal: string, sets: RightSets) => Rights
  /** Returns the principal of a request without a bearer token; by default `anybody`. */
  readonly withoutCredential?: () => string
  /** Parts that replace those of `testSignIn`. */
  readonly signIn?: Partial<RegistrySignIn>
  /** Counts a request of the viewer. */
  readonly admit?: RegistryRequestContext['admit']
  readonly pullThrough?: PullThrough
  /** Number of bytes that can still be written to the disk; default that of the real disk. */
  readonly freeBytes?: () => number
  /** Methods that replace those of the real blob store. */
  readonly blobs?: (store: BlobStore) => Partial<BlobStore>
  /** Methods that replace those of the real streams. */
  readonly streams?: (streams: RegistryStreams) => Partial<RegistryStreams>
}

/** A registry on loopback, over a real database and a real blob store, and its client. */
export interface World extends Client, AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string
  readonly port: number
  readonly url: string
  readonly folder: string
  /** Streams, tags, images, change log and database; `domain.time` is the registry's clock. */
  readonly domain: TestDomain
  readonly content: Content
  readonly blobs: BlobStore
  readonly limits: RegistryLimits
  /** Unforeseen errors that were logged. */
  readonly unforeseen: Unforeseen[]
  /** Digests of blobs that were reported as lost. */
  readonly lost: readonly string[]

  /** A connection for requests that no client would send. */
  connect(): Promise<RawConnection>
  /** The server's end of a connection. */
  serverEnd(connection: RawConnection): Socket
}

export interface Unforeseen {
  readonly object: { readonly requestId?: string; readonly err?: unknown }
  readonly message: string
}

const registryHost = 'registry.test'

/** Returns the header of a request of this principal. */
export const asPrincipal = (principal: string) => ({ authorization: `Bearer ${principal}` })

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'registry-')))
  const domain = new TestDomain({ registryHost, ...(options.folder && { file: join(folder, 'test.db') }) })
  const { db, writer, images, recorder } = domain
  const now = () => domain.time
  const { freeBytes } = options
  const store = await createDiskStore({
    folder,
    now,
    minimumFreeBytes: 0,
    ...(freeBytes && { freeBytes: async () => freeBytes() }),
  })
  const blobs = overridden<BlobStore>(store, options.blobs?.(store))
  const receiver = createPushReceiver({
    db,
    audit: NO_AUDIT,
    streams: domain.streams,
    writer,
    images,
    recorder,
    importMode: 'Legacy',
    registryHost: () => registryHost,
  })
  const streams = overridden<RegistryStreams>(receiver, options.streams?.(receiver))
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const unforeseen: Unforeseen[] = []
  const lost: string[] = []
  const rightSets = createRightSets(db)
  const { withoutCredential } = options
  const rightsOf = (principal: string) => options.rightsOf?.(principal, rightSets) ?? EVERYTHING
  const signIn = { ...testSignIn({ db, rightsOf, withoutCredential, now }), ...options.signIn }
  const respondToken = createTokenEndpoint(signIn)
  const registry = createRegistry({
    db,
    signIn,
    blobs,
    streams,
    ...(options.pullThrough && { pullThrough: options.pullThrough }),
    onLost: (digest) => lost.push(digest),
    limits,
    now,
    log: { error: (object, message) => unforeseen.push({ object, message }) },
  })
  const bodies = new BodyBudget(options.bodyMemory ?? Number.POSITIVE_INFINITY)
  let requests = 0
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    const memory = bodies.open('127.0.0.1')
    const { admit = () => {} } = options
    const context = { address: '127.0.0.1', requestId: `request-${++requests}`, memory, admit }
    const isToken = request.url?.startsWith(TOKEN_PATH)
    const handled = isToken
      ? respondToken(request, response, context)
      : registry.handle(request, response, context)
    void handled.finally(memory.release)
  })
  const sockets = new Map<number | undefined, Socket>()
  server.on('connection', (socket) => sockets.set(socket.remotePort, socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 32 })

  return {
    host: `127.0.0.1:${port}`,
    port,
    url: `http://127.0.0.1:${port}`,
    folder,
    domain,
    content: createContent(db),
    blobs,
    limits,
    unforeseen,
    lost,
    ...clientOf(pool),
    connect: () => RawConnection.open(port),
    serverEnd({ socket }) {
      const end = sockets.get(socket.localPort)
      if (!end) throw new Error('the server has not taken the connection')
      return end
    },

    async [Symbol.asyncDispose]() {
      await pool.destroy()
      await closed(server)
      await store[Symbol.asyncDispose]()
      await domain[Symbol.asyncDispose]()
      if (!options.folder) await rm(folder, { recursive: true })
    },
  }
}

/** Returns the original with some methods replaced. */
const overridden = <Original extends object>(original: Original, by: Partial<Original> = {}): Original =>
  new Proxy(original, {
    get(_, name) {
      const member = Reflect.get(name in by ? by : original, name)
      return typeof member === 'function' ? member.bind(original) : member
    },
  })

async function closed(server: Server): Promise<void> {
  const closing = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closing
}
