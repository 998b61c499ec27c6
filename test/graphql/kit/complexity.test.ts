import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { errorsOf } from '../../flows/operations.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app[Symbol.asyncDispose]())

const deep = (levels: number): string =>
  `{ imageStream(name: "x") ${'{ tag(name: "y") { imageStream '.repeat(levels)}{ name }${' } }'.repeat(levels)} }`
const aliases = (count: number): string =>
  `{ ${Array.from({ length: count }, (_, at) => `a${at}: imageStream(name: "x") { name }`).join(' ')} }`

test.each([
  ['pages of pages', '{ imageStreams(first: 500) { nodes { tags(first: 500) { nodes { tag } } } } }'],
  [
    'pages of pages of a page of its default size',
    '{ imageStreams(first: 500) { nodes { tags { nodes { items { nodes { created } } } } } } }',
  ],
  [
    'a page whose size a variable hides',
    'query ($n: Int = 500) { imageStreams(first: $n) { nodes { tags(last: $n) { edges { node { tag } } } } } }',
  ],
  [
    'many scans of all tags and images',
    `{ ${Array.from({ length: 21 }, (_, at) => `t${at}: imageStreamTags(matching: "*x", first: 1) { totalCount } i${at}: images(platform: "linux/s390x", first: 1) { totalCount }`).join(' ')} }`,
  ],
  ['the document of 500 streams', '{ imageStreams(first: 500) { nodes { document } } }'],
  [
    'the children of the images of the log',
    '{ imagePushes(first: 500) { nodes { image { entries { image { entries { image { entries { digest } } } } } } } } }',
  ],
  ['fields inside fields', deep(11)],
  ['many aliases', aliases(51)],
  ['a long document', `{ imageStream(name: "x") { name } } # ${'x'.repeat(65 * 1024)}`],
  ['many tokens', `{ imageStream(name: "x") { ${'name '.repeat(2001)} } }`],
])('%s are TOO_COMPLEX, and nothing is read', async (_what, query) => {
  const response = await app.client.execute(query)

  expect(errorsOf(response)).toEqual([{ code: 'TOO_COMPLEX' }])
  expect(response.data ?? null).toBeNull()
})

test.each([
  ['one stream with everything that a page shows', deep(8)],
  ['fifty aliases', aliases(50)],
  [
    'the benchmark of 100 streams',
    '{ imageStreams(first: 100) { nodes { namespace name tags(first: 5) { nodes { tag dockerImageReference image { digest size } } } } } }',
  ],
  [
    'the largest page of tags with their histories',
    '{ imageStream(name: "x") { tags(first: 500) { nodes { tag image { digest size } items(first: 10) { nodes { created image { digest } } } } } } }',
  ],
])('%s is executed', async (_what, query) => {
  expect(errorsOf(await app.client.execute(query))).toEqual([])
})
