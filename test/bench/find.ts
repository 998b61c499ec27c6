import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { type Database, openDatabase } from '../../src/db/open.ts'
import type { Parameter } from '../../src/db/statement.ts'
import { startCompiledServer } from './compiled-server.ts'
import { BEGAN, COMMON_IMAGE, digestOfNumber, RARE_PLATFORM, SIZE, seedFind } from './find-seed.ts'

// Milliseconds to find a page of streams over HTTP, beside one prepared statement in this process that returns the
// same names: the time that the same indexes permit a query with known selectivity.

const TURNS = 25
const PAGE = 50
/** Maximum milliseconds of a page. */
const GOAL = 10

interface Criterion {
  /** Arguments of `imageStreams`. */
  readonly args: string
  /** The same condition on `s` in SQL. */
  readonly sql: string
  readonly values: readonly Parameter[]
}

const label = (key: string, value: string): Criterion => ({
  args: `labels: [{ key: "${key}", value: "${value}" }]`,
  sql: 'exists (select 1 from stream_labels where stream_id = s.id and key = ? and value = ?)',
  values: [key, value],
})
const digest = (image: number): Criterion => ({
  args: `digest: "${digestOfNumber(image)}"`,
  sql: `s.id in (select stream_id from tags where newest_image_id = (select id from images where digest = ?))`,
  values: [digestOfNumber(image)],
})
const registry = (host: string): Criterion => ({
  args: `registry: "${host}"`,
  sql: `(s.registry = ? or s.id in (select stream_id from spec_tags where registry = ?))`,
  values: [host, host],
})
/** Names of stored reasons in the API. */
const REASONS = {
  NotFound: 'NOT_FOUND',
  Forbidden: 'FORBIDDEN',
  RegistryUnavailable: 'REGISTRY_UNAVAILABLE',
} as const
const failing = (reason?: keyof typeof REASONS): Criterion => ({
  args: `failing: { ${reason ? `reason: ${REASONS[reason]}` : ''} }`,
  sql: `exists (select 1 from tags where stream_id = s.id and failing ${reason ? '= ?' : 'is not null'})`,
  values: reason ? [reason] : [],
})
const platform = (name: string): Criterion => ({
  args: `platform: "${name}"`,
  sql: `exists (select 1 from tags where stream_id = s.id
    and (' ' || platforms || ' ' like ? or ' ' || platforms like ?))`,
  values: [`% ${name} %`, `% ${name}/%`],
})
const iso = (time: number): string => new Date(time).toISOString()
const notCheckedSince = (time: number): Criterion => ({
  args: `notCheckedSince: "${iso(time)}"`,
  sql: '(s.checked_at is null or s.checked_at < ?)',
  values: [time],
})
const unchangedSince = (time: number): Criterion => ({
  args: `unchangedSince: "${iso(time)}"`,
  sql: 's.newest_at < ?',
  values: [time],
})
const matching = (glob: string): Criterion => ({
  args: `matching: "${glob}"`,
  sql: 's.name glob ?',
  values: [glob],
})

const LATER = BEGAN + 1e9
const CRITERIA: Readonly<Record<string, readonly Criterion[]>> = {
  'no criterion': [],
  'label: all have it': [label('tier', 'back')],
  'label: one in a hundred has it': [label('team', '7')],
  'label: none has it': [label('tier', 'front')],
  'digest: all have it': [digest(COMMON_IMAGE)],
  'digest: one has it': [digest(5000)],
  'digest: none has it': [digest(SIZE.images + 1)],
  'registry: two in three': [registry('docker.io')],
  'registry: few': [registry('rare.example.org')],
  'registry: none': [registry('nowhere.example.org')],
  'failing: all do': [failing()],
  'failing: few for this reason': [failing('NotFound')],
  'failing: none for this reason': [failing('Forbidden')],
  'platform: all have it': [platform('linux/arm64')],
  'platform: few': [platform(RARE_PLATFORM)],
  'platform: none': [platform('linux/mips')],
  'notCheckedSince: all': [notCheckedSince(LATER)],
  'notCheckedSince: never checked': [notCheckedSince(BEGAN)],
  'unchangedSince: all': [unchangedSince(LATER)],
  'unchangedSince: none': [unchangedSince(BEGAN)],
  'matching: a prefix': [matching('app-99*')],
  'matching: an unmatched suffix': [matching('*zzz')],
  'all have each of six': [
    label('tier', 'back'),
    digest(COMMON_IMAGE),
    failing(),
    platform('linux/arm64'),
    notCheckedSince(LATER),
    unchangedSince(LATER),
  ],
  'many have each of four, few have all': [
    label('tier', 'back'),
    registry('quay.io'),
    failing('RegistryUnavailable'),
    matching('*99'),
  ],
  'many have each of four, none has all': [
    label('tier', 'back'),
    registry('quay.io'),
    failing('RegistryUnavailable'),
    matching('*zzz'),
  ],
}

interface Case {
  readonly query: string
  readonly sql: string
  readonly values: readonly Parameter[]
}

const ORDERS = {
  NAME: 's.namespace, s.name',
  NEWEST_FIRST: 's.newest_at desc, s.id desc',
} as const

/** A page of streams, and their total number. */
function casesOf(criteria: readonly Criterion[]): Readonly<Record<string, Case>> {
  const args = criteria.map(({ args }) => `${args}, `).join('')
  const where = criteria.length > 0 ? `where ${criteria.map(({ sql }) => sql).join(' and ')}` : ''
  const values = criteria.flatMap(({ values }) => values)
  const page = (order: keyof typeof ORDERS): Case => ({
    query: `{ imageStreams(${args}orderBy: ${order}, first: ${PAGE}) { nodes { namespace name } } }`,
    sql: `select s.namespace, s.name from image_streams s ${where} order by ${ORDERS[order]} limit ${PAGE}`,
    values,
  })
  return {
    NAME: page('NAME'),
    NEWEST_FIRST: page('NEWEST_FIRST'),
    totalCount: {
      query: `{ imageStreams(${args}first: 1) { totalCount } }`,
      sql: `select count(*) from image_streams s ${where}`,
      values,
    },
  }
}

/** Five tags of each of a hundred streams, with the same criterion. */
const tagCase = ({ args, sql, values }: Criterion): Case => ({
  query: `{ imageStreams(first: 100) { nodes { tags(${args}, first: 5) { nodes { name } } } } }`,
  sql: `select s.name || ':' || t.name
    from (select id, namespace, name from image_streams order by namespace, name limit 100) s
    join tags t on t.id in (select id from tags where stream_id = s.id and ${sql} order by importance limit 5)
    order by s.namespace, s.name, t.importance`,
  values,
})
const tagPlatform = (name: string): Case =>
  tagCase({ ...platform(name), sql: `(' ' || platforms || ' ' like ? or ' ' || platforms like ?)` })
const TAG_CASES: Readonly<Record<string, Case>> = {
  'tags: platform, nearly all': tagPlatform('linux/amd64'),
  'tags: platform, none': tagPlatform('linux/mips'),
  'tags: failing': tagCase({ ...failing(), sql: 'failing is not null' }),
  'tags: digest': tagCase({
    ...digest(COMMON_IMAGE),
    sql: 'newest_image_id = (select id from images where digest = ?)',
  }),
  'tags: unchangedSince': tagCase({ ...unchangedSince(LATER), sql: 'newest_at < ?' }),
}

const median = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0

/** Returns the names and numbers in a response, in their order. */
const valuesIn = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? Object.values(value).map(valuesIn).filter(Boolean).join(' ')
    : String(value)

async function measure(pool: Pool, query: string): Promise<{ result: string; time: number }> {
  const times: number[] = []
  let result = ''
  for (let turn = 0; turn < TURNS; turn++) {
    const began = performance.now()
    const { body } = await pool.request({
      method: 'POST',
      path: '/graphql',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query }),
    })
    result = await body.text()
    times.push(performance.now() - began)
  }
  const { data, errors } = JSON.parse(result)
  if (errors) throw new Error(`${query}: ${JSON.stringify(errors)}`)
  return { result: valuesIn(data), time: median(times) }
}

function measureBare(db: Database, { sql, values }: Case): { result: string; time: number } {
  const statement = db.prepare(sql)
  const times: number[] = []
  let rows: unknown[] = []
  for (let turn = 0; turn < TURNS; turn++) {
    const began = performance.now()
    rows = statement.tuples(...values)
    times.push(performance.now() - began)
  }
  return { result: valuesIn(rows), time: median(times) }
}

/** Prints a line per case. The database belongs to one process, so the bare statements use a copy. */
export async function bench(): Promise<void> {
  const folders = [mkdtempSync(join(tmpdir(), 'bench-')), mkdtempSync(join(tmpdir(), 'bench-'))] as const
  const [ours, bare] = folders
  const tags = SIZE.streams * SIZE.tagsOfEach
  try {
    console.log(
      `find: ${SIZE.streams} streams, ${tags} tags, ${tags * SIZE.eventsOfEach} events; a page of ${PAGE} over HTTP, median of ${TURNS}`,
    )
    const began = performance.now()
    seedFind(ours)
    console.log(`  seeded in ${((performance.now() - began) / 1000).toFixed(1)} s`)
    copyFileSync(join(ours, 'imagestreams.db'), join(bare, 'imagestreams.db'))
    await using server = await startCompiledServer(ours)
    const pool = new Pool(server.url, { connections: 1 })
    using db = openDatabase(join(bare, 'imagestreams.db'))
    const { time: least } = await measure(pool, '{ __typename }')
    console.log(`  a request that reads nothing: ${least.toFixed(2)} ms`)
    const slowest = { page: 0, count: 0 }
    const line = async (one: Case): Promise<string> => {
      const [got, wanted] = [await measure(pool, one.query), measureBare(db, one)]
      if (got.result !== wanted.result) {
        throw new Error(
          `different results: ${one.query}\n${got.result.slice(0, 500)}\n${wanted.result.slice(0, 500)}`,
        )
      }
      const kind = one.query.includes('totalCount') ? 'count' : 'page'
      slowest[kind] = Math.max(slowest[kind], got.time)
      return `${got.time.toFixed(2)} ms to ${wanted.time.toFixed(2)} = ${(got.time / wanted.time).toFixed(1)}`
    }
    for (const [name, criteria] of Object.entries(CRITERIA)) {
      const parts: string[] = []
      for (const [part, one] of Object.entries(casesOf(criteria))) parts.push(`${part} ${await line(one)}`)
      console.log(`  ${name}: ${parts.join('; ')}`)
    }
    for (const [name, one] of Object.entries(TAG_CASES)) console.log(`  ${name}: ${await line(one)}`)
    console.log(
      `  the slowest page took ${slowest.page.toFixed(1)} ms (goal ${GOAL}), the slowest count ${slowest.count.toFixed(1)} ms`,
    )
    await pool.close()
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()
