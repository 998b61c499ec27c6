import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Config } from '../../../src/app/config.ts'
import { ERROR_CODES } from '../../../src/graphql/kit/error-codes.ts'
import { startApp } from '../../fixtures/app.ts'

const STARTED_AT = Date.UTC(2026, 0, 1)
const QUERY = `{ server { id version startedAt features logRetentionDays errorCodes limits {
  pageSize defaultPageSize complexity depth aliases documentLength bodySize messageSize socketOperations waitSeconds } } }`

async function serverOf(changes: Partial<Config>) {
  await using app = await startApp(changes, { now: () => STARTED_AT })
  const { server } = await app.client.request<{ server: Record<string, unknown> }>(QUERY)
  const { node } = await app.client.request<{ node: unknown }>(
    'query ($id: ID!) { node(id: $id) { id ... on Server { version } } }',
    { id: server.id },
  )
  const health = (await fetch(`${app.app.url}/healthz`).then((response) => response.json())) as unknown
  return { server, node, health }
}

test('the server reports its version, which package.json has, its start, limits and error codes', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  const { server, node, health } = await serverOf({})
  expect(server).toMatchObject({
    version,
    startedAt: new Date(STARTED_AT).toISOString(),
    features: ['INTEGRATED_REGISTRY', 'SCHEDULED_GARBAGE_COLLECTION'],
    logRetentionDays: null,
    errorCodes: Object.keys(ERROR_CODES),
    limits: { pageSize: 500, defaultPageSize: 50, complexity: 200_000, depth: 20, waitSeconds: 300 },
  })
  expect(node).toEqual({ id: server.id, version })
  expect(health).toEqual({ status: 'ok', version })
})

test('the server reports the optional parts that are on', async () => {
  const { server } = await serverOf({
    pruneHours: 24,
    collectHours: null,
    changeLogDays: 7,
    externalRegistry: new URL('http://localhost:5000'),
    webhookSecret: '0123456789abcdef',
  })
  expect(server).toMatchObject({ features: ['EXTERNAL_REGISTRY', 'SCHEDULED_PRUNING'], logRetentionDays: 7 })
})
