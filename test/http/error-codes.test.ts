import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../../src/graphql/kit/error-codes.ts'
import type { ErrorExtensions } from '../../src/graphql/kit/errors.ts'
import { MAX_DEPTH } from '../../src/http/request/limits.ts'
import { type Api, startApi } from './api.ts'
import { eventStream, post, RawClient, take } from './clients.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

interface Operation {
  readonly query: string
  readonly variables?: Record<string, unknown>
}
type Extensions = { readonly [Name in keyof ErrorExtensions]: unknown }

const failing = (how: string): Operation => ({
  query: 'query ($how: String!) { fail(how: $how) }',
  variables: { how },
})
const requestId = expect.any(String)
const nested = `{ nested ${'{ nested '.repeat(MAX_DEPTH)}{ leaf }${' }'.repeat(MAX_DEPTH + 1)}`

/** Operations that fail, and all their extensions. */
const FAILURES: readonly (readonly [what: string, operation: Operation, extensions: Extensions])[] = [
  ['an invalid argument', failing('INVALID'), { code: 'INVALID', field: 'how' }],
  ['a missing variable', { ...failing(''), variables: {} }, { code: 'INVALID', field: 'how' }],
  [
    'a variable of another type',
    { query: 'query ($values: [[Int]]) { list(values: $values) }', variables: { values: [[1, 'x']] } },
    { code: 'INVALID', field: 'values.0.1' },
  ],
  [
    'a variable that is null where null is not allowed',
    { query: 'query ($how: String = "INTERNAL") { fail(how: $how) }', variables: { how: null } },
    { code: 'INVALID', field: 'how' },
  ],
  ['an unknown object', failing('NOT_FOUND'), { code: 'NOT_FOUND' }],
  ['a name in use', failing('ALREADY_EXISTS'), { code: 'ALREADY_EXISTS' }],
  ['an outdated version', failing('CONFLICT'), { code: 'CONFLICT' }],
  ['an outdated cursor', failing('CURSOR_EXPIRED'), { code: 'CURSOR_EXPIRED' }],
  [
    'a registry',
    failing('REGISTRY_ERROR'),
    { code: 'REGISTRY_ERROR', registry: 'quay.io', reason: 'NOT_FOUND' },
  ],
  ['a client that used too much', failing('RATE_LIMITED'), { code: 'RATE_LIMITED', retryAfterSeconds: 5 }],
  ['a forbidden request', failing('FORBIDDEN'), { code: 'FORBIDDEN' }],
  ['a deep document', { query: nested }, { code: 'TOO_COMPLEX' }],
  ['a document with wrong syntax', { query: '{ version' }, { code: 'GRAPHQL_PARSE_FAILED' }],
  ['a document with an unknown field', { query: '{ unknown }' }, { code: 'GRAPHQL_VALIDATION_FAILED' }],
  [
    'a document with two operations and no name',
    { query: 'query A { version } query B { version }' },
    { code: 'OPERATION_RESOLUTION_FAILURE' },
  ],
  ['a lost database', failing('DATABASE_LOST'), { code: 'UNAVAILABLE', requestId }],
  ['no free file descriptor', failing('EMFILE'), { code: 'UNAVAILABLE', requestId }],
  ['a full disk', failing('ENOSPC'), { code: 'UNAVAILABLE', requestId }],
  ['a full database', failing('SQLITE_FULL'), { code: 'UNAVAILABLE', requestId }],
  ['a full store of blobs', failing('STORAGE_FULL'), { code: 'UNAVAILABLE', requestId }],
  ['a read-only database', failing('SQLITE_READONLY_DBMOVED'), { code: 'UNAVAILABLE', requestId }],
  ['a fault of the server', failing('INTERNAL'), { code: 'INTERNAL', requestId }],
  ['a value outside its enum', failing('GRAPHQL_WITHOUT_CODE'), { code: 'INTERNAL', requestId }],
]

type Failed = readonly { readonly message: string; readonly extensions: Extensions }[]

/** Sends an operation, and returns the errors of the response. */
const TRANSPORTS: Readonly<Record<string, (operation: Operation) => Promise<Failed>>> = {
  HTTP: async ({ query, variables = {} }) => (await post(api.url, query, { variables })).body.errors,
  'server-sent events': async ({ query, variables = {} }) => {
    const { events } = await eventStream(api.url, query, { variables })
    const [event] = await take(events, 1)
    return JSON.parse(event?.data ?? '').errors
  },
  'a WebSocket': async ({ query, variables }) => {
    const client = await RawClient.open(api.wsUrl)
    client.subscribe('a', query, variables)
    const { payload } = await client.next()
    client.close()
    return Array.isArray(payload) ? payload : (payload as { errors: Failed }).errors
  },
}

describe.each(Object.entries(TRANSPORTS))('over %s, the extensions of an error because of', (_name, send) => {
  it.each(FAILURES)('%s', async (_what, operation, extensions) => {
    expect((await send(operation)).map((error) => error.extensions)).toEqual([extensions])
  })
})

it.each([
  ['{', 400],
  ['[]', 400],
  // as GraphQL over HTTP permits for application/json
  ['{}', 200],
  ['{"query":1}', 400],
  ['{"query":"{version}","variables":1}', 400],
])('a request without an operation is BAD_REQUEST: %s', async (body, expected) => {
  const headers = { 'Content-Type': 'application/json' }
  const response = await fetch(api.url, { method: 'POST', headers, body })
  const { errors } = await response.json()
  expect([response.status, errors[0].extensions]).toEqual([expected, { code: 'BAD_REQUEST' }])
})

it('the message of UNAVAILABLE says what to do, without details, which are logged under the request id', async () => {
  const [full] = (await TRANSPORTS.HTTP?.(failing('SQLITE_FULL'))) ?? []
  expect(full?.message).toBe("the server's storage is full: free space on its disk, then repeat the request")
  const readOnly = await TRANSPORTS.HTTP?.(failing('EROFS'))
  expect(readOnly).toMatchObject([
    { message: "the server's storage is read-only: make its data folder writable, then repeat the request" },
  ])
  const { requestId } = readOnly?.[0]?.extensions ?? {}
  const logged = api.lines.filter((line) => line.requestId === requestId && line.err !== undefined)
  expect(logged).toMatchObject([{ err: { message: expect.stringContaining('EROFS') } }])
})

it('every code of the enum has such an operation', () => {
  const codes = new Set(FAILURES.map(([, , { code }]) => code)).add('BAD_REQUEST').add('UNAUTHENTICATED')
  expect([...codes].sort()).toEqual(Object.keys(ERROR_CODES).sort())
})
