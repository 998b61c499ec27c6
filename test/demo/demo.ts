import { once } from 'node:events'
import { Pool } from 'undici'
import { startApp, type TestApp } from '../fixtures/app.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { image, layer } from '../fixtures/random-image.ts'
import { RUBY_REPOSITORY, RubyReplay } from '../fixtures/ruby-history.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { clientOf } from '../registry/client.ts'
import { type Push, PushFeed } from './push-feed.ts'

// The story: the tags of a registry move for ten years, an image stream follows them, and nobody misses a move. Then
// images are pushed to the server itself.

const DATES = ['2016-06-01', '2018-06-01', '2020-06-01', '2022-06-01', '2024-06-01', '2026-09-01']
/** The cursor of this chapter's last push is where somebody stops listening. */
const INTERRUPTED = 2

interface Imported {
  readonly import: { total: number; imported: number; unchanged: number; failed: number }
}

/** What is pushed in the end, by tag. */
const BUILDS = [
  ['build 1', 'v1'],
  ['build 1', 'latest'],
  ['build 2', 'latest'],
] as const

const COUNTS = 'import { total imported unchanged failed }'
const CREATE = `mutation ($repository: String!) {
  createImageStream(input: { name: "ruby", spec: { dockerImageRepository: $repository }, waitSeconds: 60 }) { ${COUNTS} }
}`
const IMPORT = `mutation { importImage(input: { imageStream: "ruby", waitSeconds: 60 }) { ${COUNTS} } }`
const NOW = '{ imagePushes(last: 1) { pageInfo { endCursor } } }'
const LATEST = `{
  imageStreamTag(name: "ruby:latest") {
    image { digest size platform { os architecture } config { env } }
    items(first: 6) { totalCount nodes { image { digest created } } }
  }
}`
// the official image has 3.4, and pre-releases of what comes after it: none of them is chosen
const POLICY = `mutation {
  setTagPolicy(input: { imageStream: "ruby", tag: "stable", policy: { order: SEMVER, range: "3.3" } }) {
    imageStreamTag { image { digest } }
    decision { chosen rankedCount excludedCount ranked(first: 3) { tag message } excluded(first: 3) { tag message } }
  }
}`

const say = (...columns: readonly (string | number)[]): void => {
  process.stdout.write(`${columns.map((column) => String(column).padStart(11)).join('')}\n`)
}
const tell = (text = ''): void => {
  process.stdout.write(`${text}\n`)
}
const short = (digest: string): string => digest.slice(0, 'sha256:'.length + 12)

async function bringIn(
  client: GraphQLClient,
  repository: string,
  isFirst: boolean,
): Promise<Imported['import']> {
  if (!isFirst) return (await client.ask<{ importImage: Imported }>(IMPORT)).importImage.import
  const created = await client.ask<{ createImageStream: Imported }>(CREATE, { repository })
  return created.createImageStream.import
}

function sayMoves(pushes: readonly Push[]): void {
  const moved = pushes.filter(({ previousImage }) => previousImage)
  const isLatest = ({ tag }: Push): boolean => tag === 'latest'
  const shown = [...moved.filter(isLatest), ...moved.filter((push) => !isLatest(push)).slice(0, 2)]
  for (const { tag, image, previousImage } of shown) {
    tell(`             ${tag}: ${short(previousImage?.digest ?? '')} → ${short(image.digest)}`)
  }
}

async function sayLatest(client: GraphQLClient): Promise<void> {
  const { imageStreamTag } = await client.ask<{
    imageStreamTag: {
      image: {
        digest: string
        size: number
        platform: { os: string; architecture: string }
        config: { env: string[] }
      }
      items: { totalCount: number; nodes: { image: { digest: string; created: string } }[] }
    }
  }>(LATEST)
  const { image, items } = imageStreamTag
  tell(
    `ruby:latest is ${short(image.digest)}, ${image.platform.os}/${image.platform.architecture}, ${image.size} bytes,`,
  )
  tell(`with ${image.config.env.at(-1)}; it has meant ${items.totalCount} images, before this one:`)
  for (const { image: old } of items.nodes.slice(1))
    tell(`             ${short(old.digest)}  built ${old.created}`)
}

interface Decided {
  readonly imageStreamTag: { readonly image: { readonly digest: string } }
  readonly decision: {
    readonly chosen: string
    readonly rankedCount: number
    readonly excludedCount: number
    readonly ranked: readonly { readonly tag: string; readonly message: string }[]
    readonly excluded: readonly { readonly tag: string; readonly message: string }[]
  }
}

/** A tag that moves by itself from now on, and why it means what it means. */
async function letRuleChoose(client: GraphQLClient): Promise<void> {
  const { setTagPolicy } = await client.ask<{ setTagPolicy: Decided }>(POLICY)
  const { imageStreamTag, decision } = setTagPolicy
  const { chosen, rankedCount, excludedCount, ranked, excluded } = decision
  tell(
    'A tag may follow a rule over the others: from now on ruby:stable is the highest version 3.3 that is released,',
  )
  tell(`  ${chosen} now (${short(imageStreamTag.image.digest)}), of ${rankedCount} tags that could be:`)
  for (const { tag, message } of ranked.slice(1)) tell(`             ${tag}: ${message}`)
  tell(`  ${excludedCount} tags could not be:`)
  for (const { tag, message } of excluded) tell(`             ${tag}: ${message}`)
}

/** Two builds of an application, pushed as docker and skopeo push: nothing of it was there before. */
async function pushImages({ app, client }: TestApp): Promise<void> {
  const { imagePushes } = await client.ask<{ imagePushes: { pageInfo: { endCursor: string } } }>(NOW)
  const live = new PushFeed(client, imagePushes.pageInfo.endCursor)
  const host = `localhost:${new URL(app.url).port}`
  tell(`The same server is a registry. An application is pushed to ${host}/shop/web, which nobody prepared:`)
  const pool = new Pool(app.url)
  const registry = clientOf(pool)
  for (const [build, tag] of BUILDS) {
    const pushed = image({ seed: build, layers: [layer('base'), layer(build)] })
    const began = performance.now()
    await registry.push('shop/web', pushed, tag)
    const [{ image: told, previousImage } = { image: pushed, previousImage: null }] = await live.next(1)
    const milliseconds = (performance.now() - began).toFixed(0)
    const before = previousImage ? `, before: ${short(previousImage.digest)}` : ''
    tell(`  push ${host}/shop/web:${tag}   told after ${milliseconds} ms: ${short(told.digest)}${before}`)
  }
  const pulled = await registry.get('/v2/shop/web/manifests/latest')
  const same = pulled.headers['docker-content-digest'] === live.seen.at(-1)?.image.digest
  tell(`  pull ${host}/shop/web:latest   ${same ? 'is the last of them' : 'is NOT the last of them'}`)
  if (!same) process.exitCode = 1
  await pool.close()
}

async function main(): Promise<void> {
  await using upstream = await startUpstream()
  await using server = await startApp()
  const replay = new RubyReplay(upstream)
  const repository = `${upstream.host}/${RUBY_REPOSITORY}`

  tell('The official ruby image from 2014 to 2026, as a registry on this machine serves it:')
  tell(`  ${repository}`)
  tell(
    'An image stream is made from it. Before each line below the registry moves on by two years; then the stream is',
  )
  tell('imported, and a subscription that was open all the time tells what moved.')
  tell()
  say('date', 'tags', 'imported', 'unchanged', 'failed', 'pushes', 'seconds')

  const { imagePushes } = await server.client.ask<{ imagePushes: { pageInfo: { endCursor: string } } }>(NOW)
  const live = new PushFeed(server.client, imagePushes.pageInfo.endCursor)
  let interrupted = 0
  for (const [at, date] of DATES.entries()) {
    replay.advanceTo(new Date(date))
    const began = performance.now()
    const { total, imported, unchanged, failed } = await bringIn(server.client, repository, at === 0)
    const pushes = await live.next(imported)
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    say(date, total, imported, unchanged, failed, pushes.length, seconds)
    sayMoves(pushes)
    if (at === INTERRUPTED) interrupted = live.seen.length
  }
  tell()
  await sayLatest(server.client)
  tell()

  const { seen } = live
  await server.restart()
  tell(
    'The server was restarted. Somebody who last listened in 2020 comes back with the cursor of that time:',
  )
  const back = new PushFeed(server.client, seen[interrupted - 1]?.cursor ?? '')
  const missed = await back.next(seen.length - interrupted)
  const same = missed.every((push, index) => push.cursor === seen[interrupted + index]?.cursor)
  tell(
    `  ${missed.length} pushes since, ${same ? 'each once, in the same order: nothing is missing' : 'NOT the same ones'}`,
  )
  if (!same) process.exitCode = 1
  tell()
  await letRuleChoose(server.client)
  tell()
  await pushImages(server)
  if (process.argv.includes('--stay')) {
    tell()
    tell(
      `Both stay: the server at ${server.app.url}/graphql, the registry as ${repository}. Ctrl-C ends them.`,
    )
    await once(process, 'SIGINT')
  }
}

await main()
