import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { eventually } from '../fixtures/eventually.ts'
import { image, layer } from '../fixtures/random-image.ts'
import { createReceiver, deliveryOf, type IssuedReceiver, send } from '../fixtures/receiver.ts'
import { buildServer } from '../fixtures/server-process.ts'
import { mountReadOnly, mountSmallDisk } from '../fixtures/small-disk.ts'
import { createStream, errorsOf } from './operations.ts'

const readiness = async (url: string) => {
  const response = await fetch(`${url}/readyz`)
  const { problems = [] } = (await response.json()) as { problems?: { reason: string }[] }
  return [response.status, ...problems.map(({ reason }) => reason)]
}
const isReady = ({ app }: TestApp) => eventually(async () => expect(await readiness(app.url)).toEqual([200]))

const write = 'mutation { createImageStream(input: { name: "refused" }) { imageStream { id } } }'

/** Requires that every kind of write is refused by its own response, and that reads work. */
async function expectReadsAlone({ app, client }: TestApp, receiver: IssuedReceiver) {
  expect(errorsOf(await client.execute(write))).toEqual([{ code: 'UNAVAILABLE' }])
  const change = {
    registry: 'quay.io',
    repository: 'team/app',
    tag: 'v1',
    digest: image({ seed: 1 }).digest,
  }
  const delivered = await send(receiver.url, deliveryOf('GENERIC', receiver, change))
  expect(delivered.status).toBe(503)
  expect(Number(delivered.retryAfter)).toBeGreaterThan(0)
  const { bytes, digest } = layer('refused')
  const upload = { method: 'POST', body: Buffer.from(bytes) }
  expect((await fetch(`${app.url}/v2/team/app/blobs/uploads/?digest=${digest}`, upload)).status).toBe(507)
  const { imageStreams } = await client.request<{ imageStreams: { nodes: { name: string }[] } }>(
    '{ imageStreams { nodes { name } } }',
  )
  expect(imageStreams.nodes).toEqual([{ name: 'kept' }])
}

/** Returns the receiver with the address of the server after its restart. */
const at = ({ app }: TestApp, receiver: IssuedReceiver): IssuedReceiver => ({
  ...receiver,
  url: receiver.url.replace(/\/\/[^/]+/, `//${new URL(app.url).host}`),
})

const disk = mountSmallDisk('16m')

describe.runIf(disk)('a disk that is full', () => {
  test('makes the server not ready, refuses writes alone, also after a restart, until there is room', async () => {
    if (!disk) return
    await using _mounted = disk
    let isWritable = false
    const onRestart = () => {
      isWritable = true
    }
    const dataFolder = join(disk.folder, 'data')
    await using app = await startApp({ dataFolder, minimumFreeBytes: 0 }, { onRestart })
    await createStream(app.client, { name: 'kept' })
    const receiver = await createReceiver(app.client, { sender: 'GENERIC', registry: 'quay.io' })
    await isReady(app)
    await disk.fill()
    // a write that fails is followed by a probe
    await eventually(async () => {
      await app.client.execute(write)
      expect(await readiness(app.app.url)).toEqual([503, 'STORAGE_FULL'])
    })
    await expectReadsAlone(app, receiver)

    await app.restart()
    expect(await readiness(app.app.url)).toEqual([503, 'STORAGE_FULL'])
    await expectReadsAlone(app, at(app, receiver))

    const metrics = await (await fetch(`${app.app.url}/metrics`)).text()
    expect(metrics).toContain('imagestreams_not_ready{reason="STORAGE_FULL"} 1\n')
    expect(metrics).toContain('imagestreams_not_ready{reason="STORAGE_READ_ONLY"} 0\n')
    expect(metrics).toMatch(/^imagestreams_disk_free_bytes 0$/m)
    expect(
      Number(/^imagestreams_failed_writes_total\{reason="full"\} (\d+)$/m.exec(metrics)?.[1]),
    ).toBeGreaterThan(2)

    disk.free()
    // a copy of the database is served only where SQLite could not open it on the full disk
    await eventually(async () => expect(isWritable || (await readiness(app.app.url))[0] === 200).toBe(true))
    if (isWritable) await app.restart()
    await isReady(app)
    await createStream(app.client, { name: 'again' })
  })
})

test('a data folder that becomes read-only makes the server not ready, and can be read after a restart', async ({
  skip,
}) => {
  let isWritable = false
  const onRestart = () => {
    isWritable = true
  }
  await using app = await startApp({}, { onRestart })
  await createStream(app.client, { name: 'kept' })
  const receiver = await createReceiver(app.client, { sender: 'GENERIC', registry: 'quay.io' })
  await isReady(app)
  {
    using readOnly = mountReadOnly([app.app.dataFolder])
    if (!readOnly) return skip()
    await eventually(async () => expect(await readiness(app.app.url)).toEqual([503, 'STORAGE_READ_ONLY']))
    await app.restart()
    await expectReadsAlone(app, at(app, receiver))
    expect(await readiness(app.app.url)).toEqual([503, 'STORAGE_READ_ONLY'])
  }
  // the process does it by itself
  await eventually(() => expect(isWritable).toBe(true))
  expect(await readiness(app.app.url)).toEqual([503, 'STORAGE_READ_ONLY'])
  await app.restart()
  await isReady(app)
  await createStream(app.client, { name: 'again' })
})

test('a database whose file is taken away acknowledges nothing until it is back', async () => {
  await using app = await startApp()
  await createStream(app.client, { name: 'kept' })
  await isReady(app)
  const file = join(app.app.dataFolder, 'imagestreams.db')
  renameSync(file, `${file}.away`)
  expect(await readiness(app.app.url)).toEqual([503, 'DATABASE_LOST'])
  expect(errorsOf(await app.client.execute(write))).toEqual([{ code: 'UNAVAILABLE' }])
  renameSync(`${file}.away`, file)
  expect(await readiness(app.app.url)).toEqual([200])
  await createStream(app.client, { name: 'again' })
})

test('a server that stalls is not ready afterwards, and recovers', async ({ onTestFinished }) => {
  const build = await buildServer()
  const folder = mkdtempSync(join(tmpdir(), 'imagestreams-stall-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  await using server = await build.start({ DATA: folder })
  server.kill('SIGSTOP')
  await pause(2_500)
  server.kill('SIGCONT')
  expect(await readiness(server.url)).toEqual([503, 'EVENT_LOOP_STALLED'])
  await eventually(async () => expect(await readiness(server.url)).toEqual([200]))
})
