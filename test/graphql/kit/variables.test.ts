import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { RawClient } from '../../http/clients.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app[Symbol.asyncDispose]())

const QUERY = `query ($digest: Digest!, $labels: [KeyValueInput!]) {
  image(digest: $digest) { size } imageStreams(labels: $labels) { totalCount } }`
const DIGEST = `sha256:${'0'.repeat(64)}`
const label = { key: 'a', value: 'b' }

const REFUSED: readonly [string, Record<string, unknown>, string][] = [
  ['is missing', {}, 'digest'],
  ['is null', { digest: null }, 'digest'],
  ['has not its type', { digest: 'secret' }, 'digest'],
  [
    'has not its type in a list',
    { digest: DIGEST, labels: [label, { ...label, key: { canary: 'secret' } }] },
    'labels.1.key',
  ],
  ['has a field too many', { digest: DIGEST, labels: [{ ...label, canary: 'secret' }] }, 'labels.0'],
]

it.each(REFUSED)(
  'a variable that %s is INVALID, with its path and without its value',
  async (_, variables, field) => {
    const { errors } = await app.client.execute(QUERY, variables)

    expect(errors?.[0]).toMatchObject({ extensions: { code: 'INVALID', field } })
    expect(JSON.stringify(errors)).not.toMatch(/secret/)
  },
)

it('a variable of a wrong type is INVALID over a WebSocket too', async () => {
  const client = await RawClient.open(`${app.app.url.replace('http', 'ws')}/graphql`)
  client.subscribe('a', QUERY, { digest: 'latest' })

  expect(await client.next()).toMatchObject({
    id: 'a',
    payload: { errors: [{ extensions: { code: 'INVALID', field: 'digest' } }] },
  })
  client.close()
})
