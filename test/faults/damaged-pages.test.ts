import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type App, createApp, DatabaseRefusedError } from '../../src/app/app.ts'
import { testConfig } from '../fixtures/app.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image, layer } from '../fixtures/random-image.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { repeats, seedOf } from '../fixtures/seed.ts'

/** Damaged pages of each kind. */
const DAMAGES = repeats(3, 25)
const FILE = 'imagestreams.db'
const PAGE = 4096

type Random = () => number

/** What a disk, a controller or a file system does to a page. */
const KINDS = {
  'other bytes'(page: Buffer, random: Random) {
    for (let at = 0; at < page.length; at++) page[at] = Math.floor(random() * 256)
  },
  zeros: (page: Buffer) => void page.fill(0),
  'zeros in its second half': (page: Buffer) => void page.fill(0, PAGE / 2),
  'a flipped bit'(page: Buffer, random: Random) {
    const at = Math.floor(random() * PAGE)
    page[at] = (page[at] ?? 0) ^ (1 << Math.floor(random() * 8))
  },
}

const STATE = `{ imageStreams(first: 12) { totalCount nodes {
    id namespace name resourceVersion creationTimestamp changedAt
    tags(first: 20) { nodes { id name items(first: 4) { nodes { id created dockerImageReference
      image { digest size config { env labels { key value } } } } } } } } }
  auditEntries(first: 100) { nodes { id occurredAt action principal target details hash } } }`

const PUSHES = Array.from({ length: 60 }, (_, at) => ({
  to: { repository: `shop/app-${at % 9}`, tag: `v${at % 20}` },
  image: image({ seed: at, layers: [layer('base')], labels: { text: 'x'.repeat((at % 5) * 2_000) } }),
}))

let original: string
let expected: string
beforeAll(async () => {
  original = newFolder()
  await using app = await start(original)
  const registry = new PushClient(app.url)
  for (const { to, image } of PUSHES) await registry.push(to, image, 'one POST')
  expected = await answersOf(app)
})
afterAll(() => rmSync(original, { recursive: true, force: true }))

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'imagestreams-pages-'))

const start = (dataFolder: string): Promise<App> =>
  createApp(testConfig({ dataFolder, registryHost: 'registry.test' }), {
    log: pino({ level: 'silent' }),
    onFatal() {},
  })

/** Returns what clients get. Rejects when the server responds with an error, or with content of another digest. */
async function answersOf({ url }: App): Promise<string> {
  await using client = connect(url)
  const registry = new PushClient(url)
  for (const { to, image } of PUSHES) {
    if (!(await registry.has(to, image))) throw new Error('a pushed image is missing')
  }
  return JSON.stringify(await client.request<object>(STATE))
}

/** Damages a page of a copy of the data folder, and returns what happens then. */
async function outcomeOf(bytes: Buffer, { hasSums }: { hasSums: boolean }): Promise<string> {
  const dataFolder = newFolder()
  try {
    cpSync(original, dataFolder, { recursive: true })
    writeFileSync(join(dataFolder, FILE), bytes)
    if (!hasSums) rmSync(join(dataFolder, `${FILE}-sums`))
    await using app = await start(dataFolder)
    const answers = await answersOf(app).catch((error: Error) => error)
    if (answers instanceof Error) return 'an error'
    return answers === expected ? 'all answers are right' : 'an answer is wrong'
  } catch (error) {
    if (error instanceof DatabaseRefusedError) return 'refused'
    throw error
  } finally {
    rmSync(dataFolder, { recursive: true })
  }
}

/** Returns the file with so many random pages damaged, one each time. */
function* damaged(kind: keyof typeof KINDS): Generator<{ page: number; bytes: Buffer }> {
  const random = randomNumbers(seedOf(kind))
  const whole = readFileSync(join(original, FILE))
  for (let count = 0; count < DAMAGES; ) {
    const page = Math.floor(random() * (whole.length / PAGE))
    const bytes = Buffer.from(whole)
    KINDS[kind](bytes.subarray(page * PAGE, (page + 1) * PAGE), random)
    // the second half of a page can have zeros
    if (bytes.equals(whole)) continue
    count++
    yield { page, bytes }
  }
}

const NAMES = Object.keys(KINDS) as (keyof typeof KINDS)[]

test.each(NAMES)('a closed database with a page of %s is refused', async (kind) => {
  for (const { page, bytes } of damaged(kind)) {
    const outcome = await outcomeOf(bytes, { hasSums: true })
    expect({ page, outcome }).toEqual({ page, outcome: 'refused' })
  }
})

test.each(NAMES.slice(0, 3))('after a crash, clients get no wrong answer from a page of %s', async (kind) => {
  for (const { page, bytes } of damaged(kind)) {
    const outcome = await outcomeOf(bytes, { hasSums: false })
    expect({ page, outcome }).not.toEqual({ page, outcome: 'an answer is wrong' })
  }
})
