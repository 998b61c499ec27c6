import { once } from 'node:events'
import { Pool } from 'undici'
import { startApp, type TestApp } from '../fixtures/app.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { image, layer } from '../fixtures/random-image.ts'
import { RUBY_REPOSITORY, RubyReplay } from '../fixtures/ruby-history.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { clientOf } from '../registry/client.ts'
import { type Push, PushFeed } from './push-feed.ts'
import { showReactions } from './reactions.ts'

// The tags of a registry change over ten years, an image stream imports them, and a subscriber receives every change.
// Then images are pushed to the server itself, and triggers react to them.

const DATES = ['2016-06-01', '2018-06-01', '2020-06-01', '2022-06-01', '2024-06-01', '2026-09-01']
/** Index of the date after whose pushes a subscriber disconnects. */
const INTERRUPTED = 2

interface ImportPayload {
  readonly import: { total: number; imported: number; unchanged: number; failed: number }
}

/** Pushes to the integrated registry: content and tag. */
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
// excludes 3.4 and the pre-releases of later versions
const POLICY = `mutation {
  setTagPolicy(input: { imageStream: "ruby", tag: "stable", policy: { order: SEMVER, range: "3.3" } }) {
    imageStreamTag { image { digest } }
    decision { chosen ranked(first: 3) { totalCount nodes { tag message } } excluded(first: 3) { totalCount nodes { tag message } } }
  }
}`

const printRow = (...columns: readonly (string | number)[]): void => {
  process.stdout.write(`${columns.map((column) => String(column).padStart(11)).join('')}\n`)
}
const print = (text = ''): void => {
  process.stdout.write(`${text}\n`)
}
const short = (digest: string): string => digest.slice(0, 'sha256:'.length + 12)

async function importTags(
  client: GraphQLClient,
  repository: string,
  isFirst: boolean,
): Promise<ImportPayload['import']> {
  if (!isFirst) return (await client.request<{ importImage: ImportPayload }>(IMPORT)).importImage.import
  const created = await client.request<{ createImageStream: ImportPayload }>(CREATE, { repository })
  return created.createImageStream.import
}

function printMoves(pushes: readonly Push[]): void {
  const moved = pushes.filter(({ previousImage }) => previousImage)
  const isLatest = ({ tag }: Push): boolean => tag === 'latest'
  const printed = [...moved.filter(isLatest), ...moved.filter((push) => !isLatest(push)).slice(0, 2)]
  for (const { tag, image, previousImage } of printed) {
    print(`             ${tag}: ${short(previousImage?.digest ?? '')} → ${short(image.digest)}`)
  }
}

async function printLatest(client: GraphQLClient): Promise<void> {
  const { imageStreamTag } = await client.request<{
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
  print(
    `ruby:latest is ${short(image.digest)}, ${image.platform.os}/${image.platform.architecture}, ${image.size} bytes,`,
  )
  print(
    `with ${image.config.env.at(-1)}; the tag has pointed to ${items.totalCount} images, before this one to:`,
  )
  for (const { image: old } of items.nodes.slice(1))
    print(`             ${short(old.digest)}  built ${old.created}`)
}

interface Candidates {
  readonly totalCount: number
  readonly nodes: readonly { readonly tag: string; readonly message: string }[]
}

interface PolicyPayload {
  readonly imageStreamTag: { readonly image: { readonly digest: string } }
  readonly decision: {
    readonly chosen: string
    readonly ranked: Candidates
    readonly excluded: Candidates
  }
}

/** Lets a policy choose a tag's image, and prints the reasons of the choice. */
async function followPolicy(client: GraphQLClient): Promise<void> {
  const { setTagPolicy } = await client.request<{ setTagPolicy: PolicyPayload }>(POLICY)
  const { imageStreamTag, decision } = setTagPolicy
  const { chosen, ranked, excluded } = decision
  print('A tag can follow a policy: from now on ruby:stable points to the highest released version 3.3,')
  print(
    `  now ${chosen} (${short(imageStreamTag.image.digest)}), chosen from ${ranked.totalCount} candidates:`,
  )
  for (const { tag, message } of ranked.nodes.slice(1)) print(`             ${tag}: ${message}`)
  print(`  ${excluded.totalCount} tags are excluded:`)
  for (const { tag, message } of excluded.nodes) print(`             ${tag}: ${message}`)
}

/** Pushes two builds of an application, as docker and skopeo do; neither repository nor stream exists before. */
async function pushImages({ app, client }: TestApp): Promise<void> {
  const { imagePushes } = await client.request<{ imagePushes: { pageInfo: { endCursor: string } } }>(NOW)
  const live = new PushFeed(client, imagePushes.pageInfo.endCursor)
  const host = `localhost:${new URL(app.url).port}`
  print(
    `The server is also a registry. An application is pushed to ${host}/shop/web, which did not exist before:`,
  )
  const pool = new Pool(app.url)
  const registry = clientOf(pool)
  for (const [build, tag] of BUILDS) {
    const pushed = image({ seed: build, layers: [layer('base'), layer(build)] })
    const began = performance.now()
    await registry.push('shop/web', pushed, tag)
    const [{ image: reported, previousImage } = { image: pushed, previousImage: null }] = await live.next(1)
    const milliseconds = (performance.now() - began).toFixed(0)
    const before = previousImage ? `, before: ${short(previousImage.digest)}` : ''
    print(
      `  push ${host}/shop/web:${tag}   reported after ${milliseconds} ms: ${short(reported.digest)}${before}`,
    )
  }
  const pulled = await registry.get('/v2/shop/web/manifests/latest')
  const same = pulled.headers['docker-content-digest'] === live.seen.at(-1)?.image.digest
  print(
    `  pull ${host}/shop/web:latest   ${same ? 'is the image of the last push' : 'is NOT the image of the last push'}`,
  )
  if (!same) process.exitCode = 1
  await pool.close()
}

async function main(): Promise<void> {
  await using upstream = await startUpstream()
  await using server = await startApp()
  const replay = new RubyReplay(upstream)
  const repository = `${upstream.host}/${RUBY_REPOSITORY}`

  print('The tags of the official ruby image from 2014 to 2026, served by a registry on this machine:')
  print(`  ${repository}`)
  print(
    'An image stream is created from the repository. Before each line below the registry advances by two years; then',
  )
  print('the stream is imported, and an open subscription reports the changed tags.')
  print()
  printRow('date', 'tags', 'imported', 'unchanged', 'failed', 'pushes', 'seconds')

  const { imagePushes } = await server.client.request<{ imagePushes: { pageInfo: { endCursor: string } } }>(
    NOW,
  )
  const live = new PushFeed(server.client, imagePushes.pageInfo.endCursor)
  let interrupted = 0
  for (const [at, date] of DATES.entries()) {
    replay.advanceTo(new Date(date))
    const began = performance.now()
    const { total, imported, unchanged, failed } = await importTags(server.client, repository, at === 0)
    const pushes = await live.next(imported)
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    printRow(date, total, imported, unchanged, failed, pushes.length, seconds)
    printMoves(pushes)
    if (at === INTERRUPTED) interrupted = live.seen.length
  }
  print()
  await printLatest(server.client)
  print()

  const { seen } = live
  await server.restart()
  print('The server was restarted. A subscriber that disconnected in 2020 resumes from its last cursor:')
  const back = new PushFeed(server.client, seen[interrupted - 1]?.cursor ?? '')
  const missed = await back.next(seen.length - interrupted)
  const same = missed.every((push, index) => push.cursor === seen[interrupted + index]?.cursor)
  print(
    `  ${missed.length} pushes since, ${same ? 'each once and in the same order: none is missing' : 'NOT the same pushes'}`,
  )
  if (!same) process.exitCode = 1
  print()
  await followPolicy(server.client)
  print()
  await pushImages(server)
  print()
  await showReactions(server, { print, short })
  if (process.argv.includes('--stay')) {
    print()
    print(
      `Both keep running: the server at ${server.app.url}/graphql, the registry as ${repository}. Ctrl-C stops them.`,
    )
    await once(process, 'SIGINT')
  }
}

await main()
