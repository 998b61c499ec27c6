import { afterEach, beforeEach, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { createStream } from '../flows/operations.ts'

let now: number
let upstream: Upstream
let app: TestApp
beforeEach(async () => {
  now = Date.UTC(2026, 0, 1)
  upstream = await startUpstream()
  for (const tag of ['latest', '3.3']) upstream.push('team/app', tag, image({ seed: tag }))
  app = await startApp({}, { now: () => now })
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const WATCH = `{ vendor checkedAt checkedBy sweptAt nextSweepAt setAsideUntil }`
const STATUS = `query { imageStream(name: "app") {
  status { repositoryWatch ${WATCH} conditions { type status reason message lastTransitionTime generation } }
  tag(name: "latest") { reportedMoves(first: 3) { nodes { digest from until reportedBy } totalCount } }
} }`

test('a repository without a vendor’s listing is swept each time, and that is no condition', async () => {
  await createStream(app.client, {
    name: 'app',
    spec: { dockerImageRepository: `${upstream.host}/team/app` },
  })
  const at = new Date(now).toISOString()

  expect(await app.client.ask(STATUS)).toEqual({
    imageStream: {
      status: {
        repositoryWatch: {
          vendor: null,
          checkedAt: at,
          checkedBy: 'FULL_SWEEP',
          sweptAt: at,
          nextSweepAt: null,
          setAsideUntil: null,
        },
        conditions: [],
      },
      tag: { reportedMoves: { nodes: [], totalCount: 0 } },
    },
  })
})

test('a stream without a repository is not watched', async () => {
  await createStream(app.client, { name: 'app', spec: { tags: [] } })
  expect(await app.client.ask(STATUS)).toMatchObject({
    imageStream: { status: { repositoryWatch: null, conditions: [] }, tag: null },
  })
})

test('a full sweep is asked for of a repository, and refused of one tag', async () => {
  await createStream(app.client, {
    name: 'app',
    spec: { dockerImageRepository: `${upstream.host}/team/app` },
  })
  const importApp = (more: string) =>
    app.client.answer(
      `mutation { importImage(input: { imageStream: "app", fullSweep: true ${more} }) { import { state unchanged } } }`,
    )
  expect(await importApp('')).toMatchObject({
    data: { importImage: { import: { state: 'SUCCEEDED', unchanged: 2 } } },
  })
  expect(await importApp(', tag: "latest"')).toMatchObject({
    errors: [{ extensions: { code: 'INVALID', field: 'fullSweep' } }],
  })
})
