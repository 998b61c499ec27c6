import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { RUBY_REPOSITORY, RubyReplay, tagsAt } from '../fixtures/ruby-history.ts'
import { repeats, seedOf } from '../fixtures/seed.ts'
import { buildServer } from '../fixtures/server-process.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { DisconnectedError, Follower } from '../flows/follower.ts'
import {
  createStream,
  endOfLog,
  IMPORT,
  type Imported,
  importImage,
  type Push,
  pushLog,
  tagDigests,
} from '../flows/operations.ts'

const KILLS = repeats(10, 30)
/** Moves of the history before each start of the server; some tags move more than once. */
const MOVES = 100
/** Moves while the server runs, before each further import. */
const FURTHER_MOVES = 20
/** Maximum number of registry responses before the server is killed. */
const RESPONSES = 1000

/** Publishes about `count` moves; returns the time of the last one. */
function publish(replay: RubyReplay, count: number): Date {
  let at = new Date(0)
  for (let moves = 0; moves < count && replay.nextAt; ) {
    at = replay.nextAt
    moves += replay.advance().length
  }
  return at
}

const input = ({ host }: Upstream) => ({ imageStream: 'ruby', from: `${host}/${RUBY_REPOSITORY}`, all: true })

/** Ignores a connection that the kill cut off; rethrows every other error. */
function unlessCutOff(error: unknown): undefined {
  // before the head of the response, and within its body
  const ends = ['fetch failed', 'terminated']
  const isCutOff =
    error instanceof DisconnectedError || (error instanceof TypeError && ends.includes(error.message))
  if (!isCutOff) throw error
  return undefined
}

/** Expects that each push of a tag starts from the previous one: none is missing, none is repeated. */
function expectChain(pushes: readonly Push[]): void {
  const now = new Map<string, string>()
  for (const { tag, image, previousImage } of pushes) {
    expect(previousImage?.digest, `image of ${tag} before`).toBe(now.get(tag))
    expect(image.digest).not.toBe(now.get(tag))
    now.set(tag, image.digest)
  }
}

test(`a subscriber receives every push once, in order, while the server is killed ${KILLS} times during imports`, async () => {
  const random = randomNumbers(seedOf('crash'))
  const build = await buildServer()
  const dataFolder = mkdtempSync(join(tmpdir(), 'imagestreams-crash-'))
  await using upstream = await startUpstream({ log: false })
  const replay = new RubyReplay(upstream)
  const settings = { DATA: dataFolder, IMPORT_MODE: 'PreserveOriginal' }
  const startHere = () => startApp({ dataFolder, importMode: 'PreserveOriginal' })
  const seen: Push[] = []
  const acknowledged: string[] = []
  let since: string | undefined
  let kills = 0

  // given a stream, and a subscriber that wants every push to it
  {
    await using app = await startHere()
    await createStream(app.client, { name: 'ruby' })
    since = await endOfLog(app.client)
  }

  // when it is imported while its registry changes, and the server is killed during the import
  for (; kills < KILLS; kills++) {
    publish(replay, MOVES)
    let responsesLeft = 1 + Math.floor(random() * RESPONSES)
    await using server = await build
      .start(settings, (kill) => {
        upstream.hook = () => {
          if (--responsesLeft === 0) kill()
          return undefined
        }
      })
      .catch(() => undefined)
    // killed while it resumed the last import, before it printed its address
    if (!server) continue
    await using client = connect(server.url)
    const receiving = Follower.start(server.url, { since }).then(async (follower) => {
      for await (const push of follower) seen.push(push)
    })
    const importing = async (): Promise<never> => {
      for (;;) {
        const { id } = await importImage(client, { ...input(upstream), waitSeconds: 0 })
        acknowledged.push(id)
        await importImage(client, { ...input(upstream) })
        publish(replay, FURTHER_MOVES)
      }
    }
    await importing().catch(unlessCutOff)
    await receiving.catch(unlessCutOff)
    expect(await server.ended).toMatchObject({ end: 'SIGKILL' })
    since = seen.at(-1)?.cursor ?? since
  }
  const seenBetweenKills = seen.length

  // then the server finishes the interrupted import, and its log equals the received pushes
  upstream.hook = undefined
  const end = publish(replay, MOVES)
  await using app = await startHere()
  const { client } = app
  using follower = await Follower.start(app.app.url, { since })
  const last = await importImage(client, { ...input(upstream) })
  const log = await pushLog(client)
  seen.push(...(await follower.take(log.length - seen.length)))

  expect(last).toMatchObject({ state: 'SUCCEEDED', failed: 0 })
  expect(seen).toEqual(log)
  expectChain(log)
  expect(new Map(await tagDigests(client, 'ruby'))).toEqual(tagsAt(end))
  // the kills were neither all too early nor all too late to matter
  expect(seenBetweenKills).toBeGreaterThan(0)
  expect(seenBetweenKills).toBeLessThan(log.length)
  const { imageStream } = await client.request<{ imageStream: { imports: { nodes: Imported[] } } }>(
    `{ imageStream(name: "ruby") { imports { nodes { ${IMPORT} } } } }`,
  )
  for (const one of imageStream.imports.nodes) expect(one).toMatchObject({ state: 'SUCCEEDED', failed: 0 })
  // an import that was accepted before a kill exists after it
  expect(imageStream.imports.nodes.map(({ id }) => id)).toContain(acknowledged.at(-1))
  rmSync(dataFolder, { recursive: true, force: true, maxRetries: 5 })
})

test('acknowledged streams exist after a kill, and the others exist completely or not at all', async () => {
  const build = await buildServer()
  const dataFolder = mkdtempSync(join(tmpdir(), 'imagestreams-crash-'))
  const names = Array.from({ length: 40 }, (_, at) => `stream-${at}`)
  const acknowledged: string[] = []

  {
    await using server = await build.start({ DATA: dataFolder })
    await using client = connect(server.url)
    const labels = [{ key: 'whole', value: 'yes' }]
    const tags = [{ name: 'a' }, { name: 'b' }]
    await Promise.all(
      names.map(async (name) => {
        const created = await createStream(client, { name, labels, spec: { tags } }).catch(unlessCutOff)
        if (created && acknowledged.push(name) === 10) server.kill('SIGKILL')
      }),
    )
    await server.ended
  }

  await using app = await startApp({ dataFolder })
  const { imageStreams } = await app.client.request<{
    imageStreams: { nodes: { name: string; labels: object[]; spec: { tags: { nodes: object[] } } }[] }
  }>('{ imageStreams { nodes { name labels { key } spec { tags { nodes { name } } } } } }')
  const kept = imageStreams.nodes.map(({ name }) => name)
  expect(kept).toEqual(expect.arrayContaining(acknowledged))
  for (const { labels, spec } of imageStreams.nodes) {
    expect([labels.length, spec.tags.nodes.length]).toEqual([1, 2])
  }
  rmSync(dataFolder, { recursive: true, force: true, maxRetries: 5 })
})
