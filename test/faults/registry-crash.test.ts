import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { startApp } from '../fixtures/app.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { CutOffError, type Manner, PushClient, type Unfinished } from '../fixtures/push-client.ts'
import { type Content, type Image, image, layer } from '../fixtures/random-image.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { repeats, seedOf } from '../fixtures/seed.ts'
import { buildServer } from '../fixtures/server-process.ts'
import { type Push, pushLog } from '../flows/operations.ts'

const PUSHES = repeats(36, 100, 720)
const AT_ONCE = 4
const KILLS = repeats(4, 12, 90)
/** Maximum number of client steps before the server is killed; a push has about twenty, so that some are left for the last start. */
const STEPS = 150
/** Maximum delay in milliseconds between such a step and the kill, in which the server works, syncs or responds. */
const DELAY = 5
const DAY = 24 * 60 * 60 * 1000
const MANNERS: readonly Manner[] = ['one POST', 'POST and PUT', 'chunks']

interface Task {
  readonly to: { readonly repository: string; readonly tag: string }
  readonly image: Image
  readonly manner: Manner
}

/** Returns images that share one layer and have a small one and one of several chunks; some repositories get several images. */
function tasksOf(random: () => number): Task[] {
  return Array.from({ length: PUSHES }, (_, at) => {
    const noise = Array.from({ length: 6_000 }, () => random().toString(36).slice(2)).join('')
    return {
      to: { repository: `shop/app-${at % 7}`, tag: `v${at}` },
      image: image({ seed: at, layers: [layer('base'), layer(at), layer(noise)] }),
      manner: MANNERS[at % MANNERS.length] ?? 'chunks',
    }
  })
}

const blobsOf = ({ config, layers }: Image): readonly Content[] => [config, ...layers]

const describePushes = (pushes: readonly Push[]): readonly string[] =>
  pushes.map(({ tag, image }) => `${tag} ${image.digest}`).sort()

async function collectGarbage(client: GraphQLClient): Promise<object> {
  const { collectGarbage } = await client.request<{ collectGarbage: { garbageCollection: object } }>(
    'mutation { collectGarbage(input: { dryRun: false }) { garbageCollection { finishedAt message } } }',
  )
  return collectGarbage.garbageCollection
}

const filesBelow = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

/** Reads all blobs of the data folder by the digest of their path, and other files by their path. */
async function storedBlobs(dataFolder: string): Promise<ReadonlyMap<string, Buffer>> {
  const folder = join(dataFolder, 'blobs')
  const stored = new Map<string, Buffer>()
  for (const path of await filesBelow(folder)) {
    const [algorithm, , hex, ...more] = path.slice(folder.length + 1).split(sep)
    stored.set(hex && more.length === 0 ? `${algorithm}:${hex}` : path, await readFile(path))
  }
  return stored
}

function blobRows(dataFolder: string): readonly Digest[] {
  const db = new Database(join(dataFolder, 'imagestreams.db'), { readonly: true })
  try {
    return db.prepare('select digest from blobs').pluck().all() as Digest[]
  } finally {
    db.close()
  }
}

async function expectEveryRowHasItsBytes(dataFolder: string): Promise<void> {
  const stored = await storedBlobs(dataFolder)
  for (const digest of blobRows(dataFolder)) {
    const bytes = stored.get(digest)
    expect(bytes && digestOf(bytes)).toBe(digest)
  }
}

/** Pushes with several clients while the server is killed repeatedly, until all pushes are done. */
async function pushWhileKilled(tasks: readonly Task[], dataFolder: string, random: () => number) {
  const build = await buildServer()
  const waiting = [...tasks]
  const acknowledged: Task[] = []
  const abandoned: Task[] = []
  const unfinished: Unfinished = new Map()
  let cutOff = 0
  for (let kills = 0; ; kills++) {
    await using server = await build.start({ DATA: dataFolder })
    let stepsLeft = kills < KILLS ? 1 + Math.floor(random() * STEPS) : Number.POSITIVE_INFINITY
    const delay = random() * DELAY
    const onStep = () => {
      if (--stepsLeft === 0) setTimeout(() => server.kill('SIGKILL'), delay)
    }
    const client = new PushClient(server.url, { onStep, unfinished })
    const pushWaiting = async (): Promise<void> => {
      for (let task = waiting.shift(); task; task = waiting.shift()) {
        const isPushed = await client.push(task.to, task.image, task.manner).then(() => true, unlessCutOff)
        if (isPushed) {
          acknowledged.push(task)
          continue
        }
        // most pushes are retried, some are abandoned
        if (++cutOff % 4 === 0) abandoned.push(task)
        else waiting.push(task)
        return
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, pushWaiting))
    if (kills === KILLS) break
    expect(await server.ended).toMatchObject({ end: 'SIGKILL' })
    // checked before a retry can repair the blobs
    await expectEveryRowHasItsBytes(dataFolder)
  }
  return { acknowledged, abandoned }
}

function unlessCutOff(error: unknown): false {
  if (!(error instanceof CutOffError)) throw error
  return false
}

test(`of ${PUSHES} pushes every acknowledged one stays complete and is reported once, while the server is killed ${KILLS} times`, async () => {
  const random = randomNumbers(seedOf('registry crash'))
  const dataFolder = await mkdtemp(join(tmpdir(), 'imagestreams-registry-crash-'))
  const tasks = tasksOf(random)

  const { acknowledged, abandoned } = await pushWhileKilled(tasks, dataFolder, random)
  expect(abandoned.length).toBeGreaterThan(0)

  const kept = [...acknowledged]
  {
    await using app = await startApp({ dataFolder })
    const client = new PushClient(app.app.url)
    for (const { to, image } of acknowledged) expect(await client.has(to, image)).toBe(true)
    // a push that was not acknowledged exists completely or not at all
    for (const task of abandoned) if (await client.has(task.to, task.image)) kept.push(task)
    for (const { to, image } of tasks) {
      for (const { digest } of blobsOf(image)) await client.hasBlob(to.repository, digest)
    }
    expect(describePushes(await pushLog(app.client))).toEqual(
      kept.map(({ to, image }) => `${to.tag} ${image.digest}`).sort(),
    )
  }

  // abandoned content is collected when it is old enough, and nothing else
  {
    await using app = await startApp({ dataFolder }, { now: () => Date.now() + 3 * DAY })
    expect(await collectGarbage(app.client)).toMatchObject({ finishedAt: expect.any(String), message: null })
    const client = new PushClient(app.app.url)
    for (const { to, image } of kept) expect(await client.has(to, image)).toBe(true)
  }
  const referred = [
    ...new Set(kept.flatMap(({ image }) => blobsOf(image)).map(({ digest }) => digest)),
  ].sort()
  expect([...(await storedBlobs(dataFolder)).keys()].sort()).toEqual(referred)
  expect([...blobRows(dataFolder)].sort()).toEqual(referred)
  expect(await filesBelow(join(dataFolder, 'uploads'))).toEqual([])
  await rm(dataFolder, { recursive: true, maxRetries: 5 })
})
