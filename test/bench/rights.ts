import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { WebSocket } from 'ws'
import { createAccess } from '../../src/access/access.ts'
import { createAuditLog } from '../../src/access/audit/audit-log.ts'
import { sessionCookie } from '../../src/access/identity/session-cookie.ts'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { openDatabase } from '../../src/db/open.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { type ServerProcess, startCompiledServer } from './compiled-server.ts'
import { processorTime } from './process-usage.ts'
import { type SeedSize, seed } from './seed.ts'

// The server's processor time for a person with a role in each of 10,000 namespaces, compared with that for a server admin, whose
// rights no statement checks: the same operations, with the same results, at the same server. The two alternate.

const GRANTS = 10_000
const SIZE: SeedSize = { streams: 2000, tags: 20, events: 3, namespaces: 200 }
const CONNECTIONS = 4
const ROUNDS = 9
const DURATION = 600
const SUBSCRIBERS = 500
const PUSHES = 100

/** The operations of the benchmarks `query` and `subscribe` have a goal; the figures of the others are to be known. */
const GOAL = ' (goal 1.1)'

const QUERIES: Readonly<Record<string, (turn: number) => string>> = {
  'one stream, 20 tags': (turn) =>
    `{ imageStream(namespace: "team-${turn % 200}", name: "app-${turn % SIZE.streams}") {
       name tags(first: 20) { nodes { tag dockerImageReference image { digest size } } } } }`,
  'a page of 100 streams × 5 tags': () =>
    '{ imageStreams(first: 100) { nodes { namespace name tags(first: 5) { nodes { tag image { digest } } } } } }',
  'a page of streams, the newest first': () =>
    '{ imageStreams(first: 20, orderBy: NEWEST_FIRST) { nodes { namespace name } } }',
  'streams found by a pattern, with their number': () =>
    '{ imageStreams(matching: "*/app-1*", first: 20) { totalCount nodes { namespace name } } }',
  'the number of all streams': () => '{ imageStreams(first: 1) { totalCount } }',
  'tags of all streams found by a pattern': () =>
    '{ imageStreamTags(matching: "1.1*", first: 50) { nodes { tag imageStream { name } } } }',
  'a page of images': () => '{ images(first: 50) { nodes { digest } } }',
  'a page of the log of pushes': () => '{ imagePushes(last: 50) { nodes { tag namespace } } }',
}

const WITH_GOAL = Object.keys(QUERIES).slice(0, 2)

const SUBSCRIPTION = 'subscription { imagePushed { cursor namespace imageStreamName tag image { digest } } }'

interface Credentials {
  readonly everything: string
  readonly granted: string
}
type Holder = keyof Credentials

/** Stores an admin, and a person with a role in each of the namespaces. */
function createCredentials(dataFolder: string): Credentials {
  using db = openDatabase(join(dataFolder, 'imagestreams.db'))
  const onError = (error: unknown): never => {
    throw error
  }
  using audit = createAuditLog({ db, now: Date.now, onError })
  const cookie = sessionCookie({ isSecure: false })
  using access = createAccess({
    ...{ db, audit, mode: 'SIGN_IN', failedSignInsPerMinute: 0, cookie, now: Date.now, onError },
  })
  const admin = access.firstAdmin.accept(access.firstAdmin.invite(), SYSTEM)
  return db.transact((tx) => {
    const reported = {
      issuer: 'https://id.example.org',
      subject: 'ann',
      name: 'ann',
      email: null,
      groups: [],
    }
    const user = access.users.signedIn(tx, reported)
    const insert = db.prepare(
      `insert into grants (subject_kind, subject, role, namespace, streams, created_at, created_by)
       values ('USER', ?, 'EDITOR', ?, '*', 0, 'system')`,
    )
    for (let n = 0; n < GRANTS; n++) insert.run(String(user.id), `team-${n}`)
    return { everything: admin.secret, granted: access.sessions.begin(tx, user, 'BROWSER').secret }
  })
}

const headersOf = (secret: string): Record<string, string> => ({
  'content-type': 'application/json',
  authorization: `Bearer ${secret}`,
})

async function post(pool: Pool, secret: string, query: string): Promise<string> {
  const body = JSON.stringify({ query })
  const response = await pool.request({ method: 'POST', path: '/graphql', headers: headersOf(secret), body })
  const text = await response.body.text()
  if (response.statusCode !== 200 || text.includes('"errors"')) throw new Error(text.slice(0, 500))
  return text
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** Calls `measure` for both in turn, and returns the median of the figures of each and of the ratios of the pairs. */
async function paired(
  credentials: Credentials,
  rounds: number,
  measure: (secret: string) => Promise<number>,
): Promise<Record<Holder | 'ratio', number>> {
  const pairs: Record<Holder, number>[] = []
  for (let round = 0; round < rounds; round++) {
    const everything = await measure(credentials.everything)
    pairs.push({ everything, granted: await measure(credentials.granted) })
  }
  return {
    everything: median(pairs.map((pair) => pair.everything)),
    granted: median(pairs.map((pair) => pair.granted)),
    ratio: median(pairs.map((pair) => pair.granted / pair.everything)),
  }
}

/** Returns microseconds of the server's processor time per request. */
async function costOf(
  { url, pid }: ServerProcess,
  secret: string,
  query: (turn: number) => string,
): Promise<number> {
  const pool = new Pool(url, { connections: CONNECTIONS })
  const [before, until] = [processorTime(pid), performance.now() + DURATION]
  let requests = 0
  const client = async (): Promise<void> => {
    while (performance.now() < until) await post(pool, secret, query(requests++))
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, client))
  await pool.close()
  return (processorTime(pid) - before) / requests
}

/** Opens a socket that subscribes; `onResult` is called with each result. */
async function subscriber(url: string, secret: string, onResult: (text: string) => void): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    headers: { authorization: `Bearer ${secret}` },
  })
  await once(socket, 'open')
  socket.send('{"type":"connection_init"}')
  await once(socket, 'message')
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: SUBSCRIPTION } }))
  socket.on('message', (data) => onResult(String(data)))
  return socket
}

/** Returns microseconds of the server's processor time per push with all its deliveries. */
async function pushCost(
  { url, pid }: ServerProcess,
  credentials: Credentials,
  secret: string,
): Promise<number> {
  let results = 0
  let done = (): void => {}
  const onResult = (text: string): void => {
    if (!text.includes('"next"')) throw new Error(text)
    if (++results % SUBSCRIBERS === 0) done()
  }
  const sockets = await Promise.all(
    Array.from({ length: SUBSCRIBERS }, () => subscriber(url, secret, onResult)),
  )
  const client = new PushClient(url, { headers: { authorization: `Bearer ${credentials.everything}` } })
  const push = async (turn: number): Promise<void> => {
    const delivered = new Promise<void>((resolve) => {
      done = resolve
    })
    await client.push({ repository: 'team-0/pushed', tag: 'latest' }, image({ seed: turn }), 'one POST')
    await delivered
  }
  await push(0)
  const before = processorTime(pid)
  for (let turn = 1; turn <= PUSHES; turn++) await push(turn)
  const cost = (processorTime(pid) - before) / PUSHES
  for (const socket of sockets) socket.terminate()
  return cost
}

/** Prints a line per operation. */
export async function bench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  try {
    seed(folder, SIZE)
    const credentials = createCredentials(folder)
    console.log(
      `rights: a person with a role in ${GRANTS} namespaces beside a server admin; ${SIZE.streams} streams in ${SIZE.namespaces} of them`,
    )
    await using server = await startCompiledServer(folder, { IMAGESTREAMS_SIGN_IN: 'tokens' })
    const pool = new Pool(server.url, { connections: 1 })
    const print = (
      name: string,
      { everything, granted, ratio }: Record<Holder | 'ratio', number>,
      goal = '',
    ): void =>
      console.log(
        `  ${name}: processor time ${granted.toFixed(0)} µs to ${everything.toFixed(0)} µs, ratio ${ratio.toFixed(2)}${goal}`,
      )
    for (const [name, query] of Object.entries(QUERIES)) {
      const [one, other] = [
        await post(pool, credentials.everything, query(1)),
        await post(pool, credentials.granted, query(1)),
      ]
      if (one !== other)
        throw new Error(`${name}: different results:\n${one.slice(0, 300)}\n${other.slice(0, 300)}`)
      await paired(credentials, 1, (secret) => costOf(server, secret, query))
      const measured = await paired(credentials, ROUNDS, (secret) => costOf(server, secret, query))
      print(name, measured, WITH_GOAL.includes(name) ? GOAL : '')
    }
    const fanout = await paired(credentials, 3, (secret) => pushCost(server, credentials, secret))
    print(`a push to ${SUBSCRIBERS} subscribers`, fanout, GOAL)
    await pool.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()
