import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image, index } from '../fixtures/random-image.ts'
import { type Statements, watchStatements, writesTo } from '../fixtures/statements.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { createStream, follow, importImage } from '../flows/operations.ts'

const STREAMS = 12
const TAGS = 24

let upstream: Upstream
let app: TestApp
let statements: Statements
beforeAll(async () => {
  upstream = await startUpstream({ log: false })
  app = await startApp({ importMode: 'PreserveOriginal' })
  statements = watchStatements()
  for (let stream = 0; stream < STREAMS; stream++) {
    const repository = `team/app-${stream}`
    for (const revision of [0, 1]) {
      for (let tag = 0; tag < TAGS; tag++) {
        const seed = `${stream} ${tag} ${revision}`
        const content = [image({ seed }), image({ seed, platform: { os: 'linux', architecture: 'arm64' } })]
        const [only] = content
        upstream.push(repository, `1.${tag}`, tag % 2 === 0 || !only ? index(content) : only)
      }
      if (revision === 0) await follow(app.client, `${upstream.host}/${repository}`, `app-${stream}`)
      else await importImage(app.client, { imageStream: `app-${stream}` })
    }
  }
  await createStream(app.client, {
    name: 'broken',
    spec: {
      tags: Array.from({ length: TAGS }, (_, at) => ({
        name: `t${at}`,
        from: { kind: 'DOCKER_IMAGE', name: `${upstream.host}/team/none:t${at}` },
      })),
    },
  })
})
afterAll(async () => {
  statements[Symbol.dispose]()
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

/** Returns the statements of one response. The first response is not counted: it fills caches. */
async function statementsOf(query: string, size: number): Promise<readonly string[]> {
  await app.client.request(query, { size })
  return statements.of(() => app.client.request(query, { size }))
}

const IMAGE = `digest size mediaType dockerImageReference created manifest platform { os architecture }
  layers { digest size } config { env labels { key value } }
  entries { digest platform { os } image { digest config { env } } }`

const QUERIES: Readonly<Record<string, readonly [query: string, most: number]>> = {
  'the benchmark of one stream': [
    `query ($size: Int!) { imageStream(name: "app-1") {
      name tags(first: $size) { nodes {
        tag dockerImageReference items(first: 1) { nodes { created generation } }
        image { digest size platform { os architecture } } } } } }`,
    3,
  ],
  'the benchmark of many streams': [
    `query ($size: Int!) { imageStreams(namespace: "default", first: $size) { nodes {
      namespace name tags(first: 5) { nodes { tag dockerImageReference image { digest size } } } } } }`,
    3,
  ],
  'everything about the tags of many streams': [
    `query ($size: Int!) { imageStreams(matching: "app-*", first: $size) { totalCount nodes {
      name labels { key value } spec { tags { nodes { name from { name } } } }
      tags(first: 6) { totalCount pageInfo { hasNextPage } nodes {
        name imageStream { name } spec { name } conditions { reason }
        items(first: 3) { totalCount nodes { created image { ${IMAGE} } } }
        image { ${IMAGE} tags(first: 2) { totalCount nodes { name imageStream { name } } } } } } } } }`,
    31,
  ],
  'one tag and the imports of many streams': [
    `query ($size: Int!) { imageStreams(matching: "app-*", first: $size) { nodes {
      tag(name: "1.3") { name dockerImageReference image { digest config { env } } }
      imports(first: 2) { totalCount pageInfo { hasNextPage } nodes { state imported imageStream { name } } } } } }`,
    9,
  ],
  'the tags that are looked for in the streams that are': [
    `query ($size: Int!) { imageStreams(platform: "linux/arm64", orderBy: NEWEST_FIRST, first: $size) { totalCount nodes {
      name tags(platform: "linux/arm64", unchangedSince: "2100-01-01T00:00:00Z", first: 3) {
        totalCount nodes { tag image { digest } } } } } }`,
    12,
  ],
  'tags whose images could not be read': [
    `query ($size: Int!) { imageStream(name: "broken") { tags(first: $size) { nodes {
      name spec { from { name } policy { order } } policyDecision { chosen } conditions { reason message } items { totalCount nodes { created } } } } } }`,
    6,
  ],
  'the change log with its images and streams': [
    `query ($size: Int!) { imagePushes(first: $size) { nodes {
      imageStream { name } image { ${IMAGE} } previousImage { digest size config { env } } } } }`,
    12,
  ],
  'the images of many streams’ tags at a time': [
    `query ($size: Int!) { imageStreams(matching: "app-*", first: $size) { nodes {
      tagsAt(time: "2100-01-01T00:00:00Z", first: 6) { totalCount pageInfo { hasNextPage } nodes {
        id created image { digest config { env } } imageStreamTag { tag name } } }
      tags(first: 5) { nodes { at(time: "2100-01-01T00:00:00Z") { image { digest } } } } } } }`,
    15,
  ],
  'the histories of the images of many tags': [
    `query ($size: Int!) { imageStream(name: "app-1") { tags(first: $size) { nodes {
      image { history(first: 3) { totalCount nodes { created imageStreamTag { name imageStream { name } } image { digest } } } }
    } } } }`,
    8,
  ],
  'the results of an import': [
    `query ($size: Int!) { imageStream(name: "app-1") { imports(first: 1) { nodes {
      results(first: $size) { totalCount nodes { tag image { ${IMAGE} } } } } } } }`,
    13,
  ],
}

describe('the number of SQL statements does not grow with the page', () => {
  test.each(Object.entries(QUERIES))('for %s', async (_name, [query, most]) => {
    const few = await statementsOf(query, 2)
    const many = await statementsOf(query, 11)

    expect(repeated(many, few)).toEqual([])
    expect(many.length).toBeLessThanOrEqual(most)
    expect(writesTo(many, '\\w+')).toEqual([])
  })
})

/** Returns the statements that ran more often for the larger page. */
function repeated(many: readonly string[], few: readonly string[]): readonly string[] {
  const times = (texts: readonly string[], text: string) => texts.filter((one) => one === text).length
  return [...new Set(many)]
    .filter((text) => times(many, text) > times(few, text))
    .map((text) => `${times(many, text)} × ${text.replace(/\s+/g, ' ').slice(0, 120)}`)
}
