import pino from 'pino'
import { OPEN } from '../../src/access/authentication.ts'
import type { SharedContext } from '../../src/graphql/kit/context.ts'
import { createServer, type ServerOptions } from '../../src/http/server.ts'
import { createWorld, filterOf } from './world.ts'

type Overrides = Partial<
  Pick<
    ServerOptions,
    | 'timings'
    | 'bodyMemory'
    | 'connectionsPerAddress'
    | 'isProxy'
    | 'costPerMinute'
    | 'requestsPerMinute'
    | 'registry'
    | 'allowedOrigins'
    | 'allowedHosts'
    | 'localNames'
    | 'introspection'
    | 'problems'
    | 'deliveries'
  >
>

/** A server on a free port of loopback, over the schema of these tests. */
export async function startApi(overrides: Overrides = {}) {
  const world = createWorld()
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line)) })
  const server = createServer({
    schema: world.schema,
    // the schema of these tests reads only the change log
    domain: { changeLog: world.changeLog } as Partial<SharedContext> as SharedContext &
      Pick<typeof world, 'changeLog'>,
    authentication: OPEN,
    subscriptions: { imagePushed: filterOf },
    log,
    ...overrides,
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const host = `127.0.0.1:${port}`
  return {
    ...world,
    host,
    url: `http://${host}/graphql`,
    wsUrl: `ws://${host}/graphql`,
    /** Lines of the log. */
    lines,
    server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      world[Symbol.dispose]()
    },
  }
}

export type Api = Awaited<ReturnType<typeof startApi>>
