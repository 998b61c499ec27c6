import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { openDatabase } from '../../src/db/open.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { startCompiledServer } from './compiled-server.ts'
import { at, createPusher, operate, type Receivers, startReceivers } from './trigger-load.ts'

// The time from the response to a push, which is sent after its commit, until a receiver has the request of a trigger; beside a
// loop that sends the same requests, and one that also stores a row with an fsync before each, as a delivery is stored.

const RECEIVERS = 50
const IDLE = { count: 200, pause: 20 }
const LOADED = { count: 1_000, pause: 5 }

type Load = typeof IDLE

const CREATE = `mutation ($name: String!, $url: String!) { createTrigger(input: {
  namespace: "bench", name: $name, imageStreams: "app", tags: $name, action: { http: { url: $url } } }) { __typename } }`

/** Milliseconds after which a request will not arrive: the tag has moved to another image before it was sent. */
const SUPERSEDED = 5_000

/** Starts `send` at a constant rate. Returns the milliseconds of all that arrived, without the first tenth. */
async function paced({ count, pause }: Load, send: (turn: number) => Promise<number>): Promise<number[]> {
  const began = performance.now()
  const times: Promise<number>[] = []
  for (let turn = 0; turn < count; turn++) {
    times.push(Promise.race([send(turn), delay(SUPERSEDED, Number.NaN, { ref: false })]))
    const wait = began + (turn + 1) * pause - performance.now()
    if (wait > 0) await delay(wait)
  }
  return (await Promise.all(times)).slice(count / 10).filter((time) => !Number.isNaN(time))
}

/** Returns a sender of bare requests, which calls `store` before each. */
function bareSender({ urls, arrival }: Receivers, name: string, store: () => void) {
  const dispatcher = new Agent({ keepAliveTimeout: 60_000 })
  return async (turn: number): Promise<number> => {
    const digest = digestOf(`${name} ${turn}`)
    const began = performance.now()
    store()
    const body = JSON.stringify({ digest, padding: 'x'.repeat(900) })
    const headers = { 'content-type': 'application/json' }
    const url = urls[turn % urls.length] ?? ''
    const response = await request(url, { method: 'POST', headers, body, dispatcher })
    await response.body.dump()
    return (await arrival(digest)) - began
  }
}

/** Prints the times with little to do, and at 200 pushes a second. */
export async function benchLatency(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  await using receivers = await startReceivers(RECEIVERS)
  await using server = await startCompiledServer()
  await using pusher = await createPusher(server.url, 'bench/app')
  for (const [number, url] of receivers.urls.entries())
    await operate(server.url, CREATE, { name: `t${number}`, url })
  using db = openDatabase(join(folder, 'bare.db'))
  const insert = db.prepare('insert into trigger_position (id, sequence) values (?, 0)')
  let rows = 0
  const ours = async (turn: number): Promise<number> => {
    const { digest, at: committed } = await pusher.push(`t${turn % RECEIVERS}`)
    return Math.max(0, (await receivers.arrival(digest)) - committed)
  }
  const store = (): void => db.transact(() => void insert.run(++rows))
  for (const [name, load] of Object.entries({ idle: IDLE, '200 pushes a second': LOADED })) {
    const bare = await paced(
      load,
      bareSender(receivers, `bare ${name}`, () => {}),
    )
    const stored = await paced(load, bareSender(receivers, `stored ${name}`, store))
    const times = await paced(load, ours)
    const missing = load.count * 0.9 - times.length
    if (missing > 0) console.log(`  ${name}: ${missing} images were superseded before they were sent`)
    for (const part of [0.5, 0.99]) {
      const [own, plain, durable] = [at(times, part), at(bare, part), at(stored, part)]
      console.log(
        `  ${name}, p${part * 100}: ${own.toFixed(2)} ms; a bare loop ${plain.toFixed(2)} ms, ratio ${(own / plain).toFixed(1)} (goal 2); with an fsync before each request ${durable.toFixed(2)} ms, ratio ${(own / durable).toFixed(1)}`,
      )
    }
  }
  rmSync(folder, { recursive: true, force: true })
}
