import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { eventually } from '../fixtures/eventually.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { createStream, history } from '../flows/operations.ts'
import { FAULTS, PROPERTIES } from './faults.ts'
import { THREATS } from './threats.ts'

const COUNT = 89

const sourceOf = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')

describe('each threat has a test', () => {
  it.each(Object.entries(THREATS).map(([row, threat]) => [row, threat.tried, threat.tests] as const))(
    '%s: %s',
    (_row, _tried, tests) => {
      for (const [file, title] of tests) expect(sourceOf(file), `${file} has "${title}"`).toContain(title)
    },
  )

  it.each(
    [...Object.entries(FAULTS), ...Object.entries(PROPERTIES)].map(
      ([row, { tried, tests }]) => [row, tried, tests] as const,
    ),
  )('and each fault and property: %s, %s', (_row, _tried, tests) => {
    for (const [file, title] of tests) expect(sourceOf(file), `${file} has "${title}"`).toContain(title)
  })

  it('and none is left out', () => {
    expect(Object.keys(THREATS).map(Number)).toEqual(Array.from({ length: COUNT }, (_, at) => at + 1))
  })
})

const app = image({ seed: 'app' })
const moved = image({ seed: 'moved' })

describe('of this server', () => {
  let server: TestApp
  beforeAll(async () => {
    server = await startApp()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test.each([
    'http://169.254.169.254/latest/meta-data',
    'http://[fd00::1]/',
    'http://metadata.google.internal/',
  ])('a trigger sends no request to %s', async (url) => {
    await using upstream = await startUpstream()
    upstream.push('team/app', 'v1', app)
    const name = `to-${new URL(url).hostname.replaceAll(/[^a-z0-9]/g, '')}`
    const spec = { dockerImageRepository: `${upstream.host}/team/app` }
    await createStream(server.client, { name, spec })
    const { createTrigger } = await server.client.request<{ createTrigger: { trigger: { id: string } } }>(
      `mutation ($input: CreateTriggerInput!) { createTrigger(input: $input) { trigger { id } } }`,
      { input: { name, imageStreams: name, action: { http: { url } } } },
    )
    const id = createTrigger.trigger.id
    await eventually(() =>
      server.client.request(
        'mutation ($input: FireTriggerInput!) { fireTrigger(input: $input) { triggerTarget { id } } }',
        { input: { id, tag: 'v1' } },
      ),
    )
    const attempts = await eventually(async () => {
      const { trigger } = await server.client.request<{
        trigger: { deliveries: { nodes: { attempts: { httpStatus: number | null; message: string }[] }[] } }
      }>(
        'query ($name: String!) { trigger(name: $name) { deliveries { nodes { attempts { httpStatus message } } } } }',
        { name },
      )
      expect(trigger.deliveries.nodes[0]?.attempts).toHaveLength(1)
      return trigger.deliveries.nodes[0]?.attempts
    })
    expect(attempts).toMatchObject([{ httpStatus: null, message: expect.stringMatching(/\S/) }])
  })

  test('a tag that moves between HEAD and GET gets the image of one of its moments', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', 'v1', app)
    upstream.hook = ({ kind, method }, response) => {
      if (kind === 'manifest' && method === 'HEAD') upstream.push('team/app', 'v1', moved)
      return response
    }
    await createStream(server.client, {
      name: 'moving',
      spec: { dockerImageRepository: `${upstream.host}/team/app` },
    })
    expect([[app.digest], [moved.digest]]).toContainEqual(await history(server.client, 'moving:v1'))
  })

  test.each(['2147483647', '-1', '[[1]]', '"1"'])(
    'a page of 2,147,483,647, of -1 or of a nested list is refused: %s',
    async (first) => {
      const { errors } = await server.client.execute(`{ imageStreams(first: ${first}) { nodes { id } } }`)
      expect(errors?.[0]?.extensions?.code).toMatch(/^(INVALID|TOO_COMPLEX|GRAPHQL_VALIDATION_FAILED)$/)
    },
  )

  test('SQL in a name, a label, a search or a cursor is text', async () => {
    const attack = `'; drop table image_streams; -- " \` ) or 1=1`
    const before = await server.client.request('{ imageStreams { totalCount } }')
    const cursor = Buffer.from(JSON.stringify(['imageStreams', attack, attack])).toString('base64url')
    for (const [operation, variables] of [
      ['query ($text: String!) { imageStream(namespace: "default", name: $text) { id } }', { text: attack }],
      ['query ($text: String!) { imageStreams(matching: $text) { totalCount } }', { text: attack }],
      [
        'query ($text: String!) { imageStreams(labels: [{ key: "a", value: $text }]) { totalCount } }',
        { text: attack },
      ],
      ['query ($text: String!) { imageStreams(after: $text) { totalCount nodes { id } } }', { text: cursor }],
      ['query ($text: ID!) { node(id: $text) { id } }', { text: attack }],
    ] as const) {
      const { data, errors } = await server.client.execute(operation, variables)
      expect(JSON.stringify(errors ?? data)).not.toMatch(/SQLITE|syntax error|INTERNAL/)
    }
    const { errors } = await server.client.execute(
      `{ imageStreams(orderBy: { field: "${'1; drop table tags'}" }) { totalCount } }`,
    )
    expect(errors?.[0]?.extensions?.code).toBe('GRAPHQL_VALIDATION_FAILED')
    expect(await server.client.request('{ imageStreams { totalCount } }')).toEqual(before)
  })

  test('HTML in a label is text of a response that no browser executes', async () => {
    const html = '<img src=x onerror=alert(1)>'
    await server.client.request(
      'mutation ($value: String!) { createImageStream(input: { name: "html", annotations: [{ key: "a", value: $value }] }) { imageStream { id } } }',
      { value: html },
    )
    const query = '{ imageStream(namespace: "default", name: "html") { annotations { value } } }'
    const response = await fetch(`${server.app.url}/graphql?query=${encodeURIComponent(query)}`, {
      headers: { 'x-graphql-csrf': '1' },
    })
    expect(await response.json()).toEqual({ data: { imageStream: { annotations: [{ value: html }] } } })
    expect(response.headers.get('content-type')).toMatch(/^application\/(graphql-response\+)?json/)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  })
})
