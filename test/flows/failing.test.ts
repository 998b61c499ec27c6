import { pino } from 'pino'
import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { closedPort } from '../fixtures/hostile-registry.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { errorResponse } from '../fixtures/upstream-response.ts'
import { follow, importImage } from './operations.ts'

interface Line {
  readonly level: number
  readonly msg: string
  readonly imageStream?: string
  readonly reason?: string
}

/** Returns a log, and a function for its lines at `info` and above that name an image stream, since the last call. */
function openLog() {
  const lines: Line[] = []
  const log = pino({ level: 'info' }, { write: (text) => void lines.push(JSON.parse(text)) })
  return { log, takeLines: () => lines.splice(0).filter(({ imageStream }) => imageStream !== undefined) }
}

const WARN = 40
const INFO = 30

const failing = async (client: GraphQLClient) =>
  (
    await client.request<{
      imageStreams: {
        totalCount: number
        nodes: {
          name: string
          conditions: { type: string; status: string; reason: string; message: string }[]
        }[]
      }
    }>(
      `{ imageStreams(failing: {}) { totalCount nodes { name conditions { type status reason message lastTransitionTime generation } } } }`,
    )
  ).imageStreams

const failingFigures = async (url: string): Promise<string[]> =>
  (await (await fetch(`${url}/metrics`)).text())
    .split('\n')
    .filter((line) => /^imagestreams_failing_/.test(line))

test('a repository that is missing, unreachable or refused is visible in conditions, search, log, metrics and document until it recovers', async () => {
  await using upstream = await startUpstream()
  upstream.push('team/refused', 'latest', image({ seed: 1 }))
  let isRefused = true
  upstream.hook = ({ path }, response) =>
    isRefused && path.includes('refused') ? errorResponse(403, 'DENIED') : response
  const { log, takeLines } = openLog()
  await using app = await startApp({}, { log })
  const gone = await closedPort()
  await follow(app.client, `${upstream.host}/team/missing`, 'missing')
  await follow(app.client, `${gone}/team/app`, 'unreachable')
  await follow(app.client, `${upstream.host}/team/refused`, 'refused')

  const { totalCount, nodes } = await failing(app.client)
  expect(totalCount).toBe(3)
  const reasons = nodes.map(({ name, conditions }) => [name, conditions[0]?.reason])
  expect(reasons).toEqual([
    ['missing', 'NOT_FOUND'],
    ['refused', 'FORBIDDEN'],
    ['unreachable', 'REGISTRY_UNAVAILABLE'],
  ])
  expect(nodes[0]?.conditions).toEqual([
    {
      ...{ type: 'IMPORT_SUCCESS', status: 'NOT_MET', reason: 'NOT_FOUND', generation: 1 },
      message: expect.stringContaining(`${upstream.host} does not have the repository team/missing`),
      lastTransitionTime: expect.any(String),
    },
  ])
  expect(takeLines()).toMatchObject([
    { level: WARN, imageStream: 'missing', reason: 'NotFound' },
    { level: WARN, imageStream: 'unreachable', reason: 'RegistryUnavailable' },
    { level: WARN, imageStream: 'refused', reason: 'Forbidden' },
  ])
  expect((await failingFigures(app.app.url)).sort()).toEqual([
    'imagestreams_failing_repositories{reason="Forbidden"} 1',
    'imagestreams_failing_repositories{reason="NotFound"} 1',
    'imagestreams_failing_repositories{reason="RegistryUnavailable"} 1',
  ])
  const { imageStream } = await app.client.request<{ imageStream: { document: string } }>(
    '{ imageStream(name: "refused") { document } }',
  )
  const { annotations } = JSON.parse(imageStream.document).metadata
  expect(JSON.parse(annotations['imagestreams/conditions'])).toMatchObject([
    { type: 'ImportSuccess', status: 'False', reason: 'Forbidden' },
  ])
  expect(annotations['openshift.io/image.dockerRepositoryCheck']).toContain('team/refused')

  await app.restart()
  await importImage(app.client, { imageStream: 'refused' })
  expect(takeLines()).toEqual([])
  isRefused = false
  await importImage(app.client, { imageStream: 'refused' })
  expect(takeLines()).toMatchObject([
    { level: INFO, imageStream: 'refused', msg: 'can import the repository again' },
  ])
  expect((await failing(app.client)).nodes.map(({ name }) => name)).toEqual(['missing', 'unreachable'])
})

test('a failing tag, and a repository of this server’s own registry, are as visible', async () => {
  await using upstream = await startUpstream()
  for (const tag of ['v1', 'v2']) upstream.push('team/app', tag, image({ seed: tag }))
  const { log, takeLines } = openLog()
  await using app = await startApp({}, { log })
  await follow(app.client, `${upstream.host}/team/app`, 'app')
  upstream.hook = ({ reference }, response) => (reference === 'v1' ? errorResponse(403, 'DENIED') : response)
  for (let times = 0; times < 2; times++) await importImage(app.client)
  expect(takeLines()).toMatchObject([{ level: WARN, imageStream: 'app', tag: 'v1', reason: 'Forbidden' }])
  expect(await failingFigures(app.app.url)).toEqual(['imagestreams_failing_tags{reason="Forbidden"} 1'])
  expect((await failing(app.client)).nodes.map(({ name }) => name)).toEqual(['app'])

  await follow(app.client, `${new URL(app.app.url).host}/default/none`, 'own')
  expect(takeLines()).toMatchObject([{ level: WARN, imageStream: 'own', reason: 'NotFound' }])
  expect((await failing(app.client)).nodes.map(({ name }) => name)).toEqual(['app', 'own'])
})
