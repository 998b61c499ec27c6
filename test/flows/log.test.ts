import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { levelSwitch } from '../../src/app/process/log.ts'
import { startApp } from '../fixtures/app.ts'
import { eventually } from '../fixtures/eventually.ts'
import { image } from '../fixtures/random-image.ts'
import { createReceiver, deliveryOf, send } from '../fixtures/receiver.ts'
import { buildServer } from '../fixtures/server-process.ts'
import { RawClient } from '../http/clients.ts'

const linesIn = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('every line of a process is JSON, from its first to its last, and a signal changes the level', async ({
  onTestFinished,
}) => {
  const folder = mkdtempSync(join(tmpdir(), 'imagestreams-log-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const build = await buildServer()
  await using server = await build.start({ DATA: folder, LOG_LEVEL: 'warn' })
  await fetch(`${server.url}/healthz`)
  server.kill('SIGUSR2')
  await eventually(async () => {
    await fetch(`${server.url}/healthz`)
    expect(server.stdout()).toContain('"path":"/healthz"')
  })
  server.kill('SIGUSR2')
  await eventually(() => expect(server.stdout()).toContain('"level":"warn"'))
  const seen = server.stdout().length
  await fetch(`${server.url}/healthz`)
  server.kill('SIGTERM')
  const { stdout, stderr } = await server.ended
  expect(linesIn(stderr)).toHaveLength(1)
  expect(linesIn(stdout).map(({ msg }) => msg)).toContain('the level of the log changes')
  expect(stdout.slice(seen)).not.toContain('/healthz')
})

test('the level of the signal is debug, and then the one before', () => {
  const lines: string[] = []
  const log = pino({ level: 'silent' }, { write: (line) => void lines.push(line) })
  const change = levelSwitch(log, 'silent')
  change()
  expect(log.level).toBe('debug')
  change()
  expect(log.level).toBe('silent')
  expect(lines).toHaveLength(2)
})

test('a terminal gets lines for people', async ({ skip, onTestFinished }) => {
  const folder = mkdtempSync(join(tmpdir(), 'imagestreams-log-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const build = await buildServer()
  // gives the server a terminal
  const command = `${process.execPath} ${build.main} --port 0 --data ${folder}`
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] })
  let text = ''
  child.stdout.on('data', (more) => {
    text += more
  })
  const isMissing = await new Promise((resolve) => {
    child.once('error', () => resolve(true))
    child.once('spawn', () => resolve(false))
  })
  if (isMissing) return skip('script not installed')
  const ended = new Promise((resolve) => child.once('close', resolve))
  await eventually(() => expect(text).toMatch(/GraphQL API {3}http:\S+\/graphql[\s\S]*sign-in/))
  expect(text).toMatch(/INFO.*started/)
  expect(text).not.toContain('{"level"')
  // the interrupt key
  child.stdin.write('\x03')
  await ended
})

test('the line of a request has the client, the operation and the codes of its errors, on every transport', async () => {
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  await using app = await startApp({}, { log })
  const post = (body: object) =>
    fetch(`${app.app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const query =
    'query Streams { imageStreams { totalCount } } mutation Remove { deleteImageStream(input: { imageStream: "none" }) { imageStream { id } } }'
  await post({ query, operationName: 'Streams' })
  await post({ query, operationName: 'Remove' })
  await post({ query: '{ unknown }' })
  const request = {
    msg: 'request',
    address: '127.0.0.1',
    method: 'POST',
    path: '/graphql',
    ms: expect.any(Number),
  }
  await eventually(() =>
    expect(lines.filter(({ msg }) => msg === 'request')).toMatchObject([
      { ...request, type: 'query', operation: 'Streams' },
      { ...request, type: 'mutation', operation: 'Remove', codes: ['NOT_FOUND'] },
      { ...request, codes: ['GRAPHQL_VALIDATION_FAILED'] },
    ]),
  )
  const client = await RawClient.open(`${app.app.url.replace('http', 'ws')}/graphql`)
  client.send({ type: 'subscribe', id: '1', payload: { query, operationName: 'Remove' } })
  client.subscribe('2', 'subscription Follow { imagePushed { tag } }')
  const operation = { msg: 'operation', transport: 'websocket', address: '127.0.0.1', ms: expect.any(Number) }
  await eventually(() =>
    expect(lines.filter(({ msg }) => msg === 'operation')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          ...operation,
          type: 'mutation',
          operation: 'Remove',
          codes: ['NOT_FOUND'],
        }),
        expect.objectContaining({ ...operation, type: 'subscription', operation: 'Follow' }),
      ]),
    ),
  )
  client.close()
})

test('the key of a receiver is in no line, also once it is deleted or mistyped', async () => {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  await using app = await startApp({}, { log })
  const receiver = await createReceiver(app.client, { sender: 'GENERIC', registry: 'quay.io' })
  const key = new URL(receiver.url).pathname.split('/').at(-1) ?? ''
  const change = { registry: 'quay.io', repository: 'team/app', tag: 'v1', digest: image({ seed: 1 }).digest }
  await send(receiver.url, deliveryOf('GENERIC', receiver, change))
  for (const path of [
    `/webhooks/${key}/`,
    `/webhooks/${key}?x=${key}`,
    `/webhook/${key}`,
    `/${key}`,
    `//webhooks/${key}`,
  ])
    await fetch(`${app.app.url}${path}`, { method: 'POST', headers: { referer: receiver.url } })
  await app.client.request('mutation ($id: ID!) { deleteReceiver(input: { id: $id }) { receiver { id } } }', {
    id: receiver.id,
  })
  await fetch(receiver.url, { method: 'POST' })
  await eventually(() => expect(lines.filter((line) => line.includes('"request"')).length).toBeGreaterThan(7))
  expect(key.length).toBeGreaterThan(20)
  expect(lines.filter((line) => line.includes(key))).toEqual([])
})
