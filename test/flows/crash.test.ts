import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../fixtures/graphql-client.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { RUBY_REPOSITORY, RubyReplay, tagsAt } from '../fixtures/ruby-history.ts'
import { seedOf } from '../fixtures/seed.ts'
import { buildServer, type ServerBuild } from '../fixtures/server-process.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { DisconnectedError, Follower } from './follower.ts'
import {
  createStream,
  endOfLog,
  IMPORT,
  type Imported,
  importImage,
  type Push,
  pushLog,
  tagDigests,
} from './operations.ts'

const KILLS = 20
/** Moves of the history before each life of the server; some tags move more than once. */
const MOVES = 100
/** Moves while it lives, before each further import. */
const FURTHER_MOVES = 20
/** The most answers of the registry that a life lasts. */
const ANSWERS = 1000

let build: ServerBuild
beforeAll(async () => {
  build = await buildServer()
})
afterAll(() => build[Symbol.asyncDispose]())

/** Publishes about so many moves, and says when the last of them was. */
function publish(replay: RubyReplay, count: number): Date {
  let at = new Date(0)
  for (let moves = 0; moves < count && replay.nextAt; ) {
    at = replay.nextAt
    moves += replay.advance().length
  }
  return at
}

const input = ({ host }: Upstream) => ({ imageStream: 'ruby', from: `${host}/${RUBY_REPOSITORY}`, all: true })

/** A kill may come before the answer; whatever else goes wrong is wrong. */
function unlessCutOff(error: unknown): undefined {
  const isCutOff =
    error instanceof DisconnectedError || (error instanceof TypeError && error.message === 'fetch failed')
  if (!isCutOff) throw error
  return undefined
}

/** Each push of a tag goes on from where the last one left it: none is missing, none is there twice. */
function expectChain(pushes: readonly Push[]): void {
  const now = new Map<string, string>()
  for (const { tag, image, previousImage } of pushes) {
    expect(previousImage?.digest, `what ${tag} meant before`).toBe(now.get(tag))
    expect(image.digest).not.toBe(now.get(tag))
    now.set(tag, image.digest)
  }
}

test(`a subscriber sees every push once, in order, while the server is killed ${KILLS} times in the middle of imports`, async () => {
  const random = randomNumbers(seedOf('crash'))
  const dataFolder = mkdtempSync(join(tmpdir(), 'imagestreams-crash-'))
  await using upstream = await startUpstream({ log: false })
  const replay = new RubyReplay(upstream)
  const settings = { DATA: dataFolder, IMPORT_MODE: 'PreserveOriginal' }
  const seen: Push[] = []
  const acknowledged: string[] = []
  let since: string | undefined
  let kills = 0

  // given a stream, and somebody who wants to know everything that is pushed to it
  {
    await using server = await build.start(settings)
    await using client = connect(server.url)
    await createStream(client, { name: 'ruby' })
    since = await endOfLog(client)
  }

  // when it is imported while its registry moves on, and the server is killed in the middle of it
  for (; kills < KILLS; kills++) {
    publish(replay, MOVES)
    let answersLeft = 1 + Math.floor(random() * ANSWERS)
    await using server = await build
      .start(settings, (kill) => {
        upstream.hook = () => {
          if (--answersLeft === 0) kill()
          return undefined
        }
      })
      .catch(() => undefined)
    // killed while it went on with the last import, before it said that it listens
    if (!server) continue
    await using client = connect(server.url)
    const listening = Follower.start(server.url, { since }).then(async (follower) => {
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
    await listening.catch(unlessCutOff)
    expect(await server.ended).toMatchObject({ end: 'SIGKILL' })
    since = seen.at(-1)?.cursor ?? since
  }
  const seenBetweenKills = seen.length

  // then it finishes what was begun, and what it says agrees with what was seen
  upstream.hook = undefined
  const end = publish(replay, MOVES)
  await using server = await build.start(settings)
  await using client = connect(server.url)
  using follower = await Follower.start(server.url, { since })
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
  const { imageStream } = await client.ask<{ imageStream: { imports: { nodes: Imported[] } } }>(
    `{ imageStream(name: "ruby") { imports { nodes { ${IMPORT} } } } }`,
  )
  for (const one of imageStream.imports.nodes) expect(one).toMatchObject({ state: 'SUCCEEDED', failed: 0 })
  // an import that was promised before a kill is there after it
  expect(imageStream.imports.nodes.map(({ id }) => id)).toContain(acknowledged.at(-1))
  rmSync(dataFolder, { recursive: true, force: true })
})

test('what was acknowledged is there after a kill, and what was not is there whole or not at all', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'imagestreams-crash-'))
  const settings = { DATA: dataFolder }
  const names = Array.from({ length: 40 }, (_, at) => `stream-${at}`)
  const acknowledged: string[] = []

  {
    await using server = await build.start(settings)
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

  await using server = await build.start(settings)
  await using client = connect(server.url)
  const { imageStreams } = await client.ask<{
    imageStreams: { nodes: { name: string; labels: object[]; spec: { tags: object[] } }[] }
  }>('{ imageStreams { nodes { name labels { key } spec { tags { name } } } } }')
  const kept = imageStreams.nodes.map(({ name }) => name)
  expect(kept).toEqual(expect.arrayContaining(acknowledged))
  for (const { labels, spec } of imageStreams.nodes) {
    expect([labels.length, spec.tags.length]).toEqual([1, 2])
  }
  rmSync(dataFolder, { recursive: true, force: true })
})
