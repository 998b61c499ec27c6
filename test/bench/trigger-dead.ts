import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '../../src/db/open.ts'
import { type ServerProcess, startCompiledServer } from './compiled-server.ts'
import { seed } from './seed.ts'
import { at, operate } from './trigger-load.ts'
import { insertTriggers, openIn } from './trigger-seed.ts'

// Pages, and the start of the server, with 100,000 deliveries that failed for good, beside the same with none.

const SIZE = { streams: 100, tags: 1_000, events: 1 }
const REQUESTS = 60
const STARTS = 3

const PAGES: Readonly<Record<string, string>> = {
  'targets that failed': `{ triggers(first: 1) { nodes { targets(state: DEAD, first: 50) { nodes {
    tagName message lastDelivery { webhookId state } } } } } }`,
  'targets that failed, with their number':
    '{ triggers(first: 1) { nodes { targets(state: DEAD, first: 50) { totalCount nodes { tagName } } } } }',
  deliveries: `{ triggers(first: 1) { nodes { deliveries(first: 50) { nodes {
    tagName state attempts { httpStatus } } } } } }`,
  'targets of a tag': `{ imageStreamTag(name: "app-50:1.5") { triggerTargets(first: 10) { totalCount nodes {
    state message lastDelivery { state } } } } }`,
}

/** Lets the delivery of each tag fail for good. */
function insertDead(db: Database): void {
  db.transact(() => {
    db.prepare(`insert into trigger_deliveries (trigger_id, tag_id, image_stream_name, tag, event_id, digest, by_hand,
      webhook_id, state, attempts, started_at, ended_at, message, follow_count)
      select 1, t.id, s.name, t.name, t.newest_event_id, i.digest, 0, 'uid-' || t.id, 'DEAD', 1, 0, 0,
        'it responded with status 422', 0
      from tags t join image_streams s on s.id = t.stream_id join images i on i.id = t.newest_image_id`).run()
    db.prepare(`insert into trigger_attempts (delivery_id, at, milliseconds, status, response, message)
      select id, 0, 5, 422, 'no', 'it responded with status 422' from trigger_deliveries`).run()
    db.prepare(`insert into trigger_targets (trigger_id, tag_id, wanted_event_id, wanted_image_id, delivery_event_id,
      delivery_image_id, delivery_by_hand, by_hand, failures, state, state_since, lane, is_held, message, last_delivery_id)
      select 1, t.id, t.newest_event_id, t.newest_image_id, t.newest_event_id, t.newest_image_id, 0, 0, 1, 'DEAD', 0,
        'default 127.0.0.1:9', 0, 'it responded with status 422', d.id
      from tags t join trigger_deliveries d on d.tag_id = t.id`).run()
  })
}

/** Milliseconds of the start, and of each page. */
type Times = Readonly<Record<string, number>>

async function pagesOf({ url }: ServerProcess): Promise<Times> {
  const times: Record<string, number> = {}
  for (const [name, query] of Object.entries(PAGES)) {
    const all: number[] = []
    for (let turn = 0; turn < REQUESTS; turn++) {
      const began = performance.now()
      await operate(url, query)
      all.push(performance.now() - began)
    }
    times[name] = at(all, 0.5)
  }
  return times
}

async function measure(isDead: boolean): Promise<Times> {
  const starts: number[] = []
  let pages: Times = {}
  for (let start = 0; start < STARTS; start++) {
    const folder = mkdtempSync(join(tmpdir(), 'bench-'))
    seed(folder, SIZE)
    {
      using db = openIn(folder)
      insertTriggers(db, 'http://127.0.0.1:9/hook', [{ streams: '*', tags: '*' }])
      if (isDead) insertDead(db)
    }
    const began = performance.now()
    await using server = await startCompiledServer(folder)
    starts.push(performance.now() - began)
    if (start === STARTS - 1) pages = await pagesOf(server)
  }
  return { 'start of the server': at(starts, 0.5), ...pages }
}

/** Prints a line per page. */
export async function benchDead(): Promise<void> {
  const none = await measure(false)
  const dead = await measure(true)
  for (const [name, time] of Object.entries(dead)) {
    console.log(`  ${name}: ${time.toFixed(1)} ms, with none ${(none[name] ?? Number.NaN).toFixed(1)} ms`)
  }
}
