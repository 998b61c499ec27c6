import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkDataFolder } from '../../src/operate/check/check.ts'
import { startApp } from '../fixtures/app.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { missingPrograms } from '../fixtures/programs.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { type Image, image, layer } from '../fixtures/random-image.ts'
import { buildServer, type ServerProcess } from '../fixtures/server-process.ts'
import { createStream } from '../flows/operations.ts'

const missing = missingPrograms('strace')

/** Kinds of writes that fail with EIO: system calls, and the file to which they are restricted. */
const WRITES: readonly (readonly [name: string, calls: string, file: string | null])[] = [
  ['a write to the log of the database', 'pwrite64', 'imagestreams.db-wal'],
  ['a sync of the log of the database', 'fsync,fdatasync', 'imagestreams.db-wal'],
  ['a write to the database itself', 'pwrite64', 'imagestreams.db'],
  ['a sync of the database itself', 'fsync,fdatasync', 'imagestreams.db'],
  ['a write of the position of the change log', 'write,pwrite64', 'change-log.mark'],
  ['a sync of any file or folder', 'fsync,fdatasync', null],
  ['a rename', 'rename,renameat,renameat2', null],
  ['a new folder', 'mkdir,mkdirat', null],
  ['a removal', 'unlink,unlinkat,rmdir', null],
]
/** Changes that are tried meanwhile: more than the log of the database holds before it is copied to the database. */
const CHANGES = 60

interface Acknowledged {
  readonly streams: string[]
  readonly pushes: { readonly to: { repository: string; tag: string }; readonly image: Image }[]
}

/** Creates a stream, and pushes an image; what fails is not acknowledged. */
async function change(url: string, name: string, acknowledged: Acknowledged): Promise<boolean> {
  await using client = connect(url)
  const isCreated = await createStream(client, {
    name,
    annotations: [{ key: 'note', value: 'x'.repeat(40_000) }],
  }).then(
    () => true,
    () => false,
  )
  if (isCreated) acknowledged.streams.push(name)
  const push = {
    to: { repository: `shop/${name}`, tag: 'v1' },
    image: image({ seed: name, layers: [layer('base'), layer(name)] }),
  }
  const isPushed = await new PushClient(url).push(push.to, push.image, 'POST and PUT').then(
    () => true,
    () => false,
  )
  if (isPushed) acknowledged.pushes.push(push)
  return isCreated && isPushed
}

interface Failing extends AsyncDisposable {
  /** Calls that have failed. */
  count(): number
}

/** Lets system calls of the server fail until it is disposed of. */
async function failing({ pid }: ServerProcess, calls: string, path: string | null): Promise<Failing> {
  const paths = path === null ? [] : ['-P', path]
  const tracing = spawn(
    'strace',
    ['-f', ...paths, '-e', `trace=${calls}`, '-e', `inject=${calls}:error=EIO`, '-p', `${pid}`],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let text = ''
  tracing.stderr.on('data', (chunk) => {
    text += chunk
  })
  await once(tracing.stderr, 'data')
  const closed = once(tracing, 'close')
  return {
    count: () => text.split('(INJECTED)').length - 1,
    async [Symbol.asyncDispose]() {
      tracing.kill('SIGINT')
      await closed
    },
  }
}

test.skipIf(missing).each(WRITES)(
  'of a server whose disk fails at %s every acknowledged write is there afterwards',
  async (_, calls, file) => {
    const build = await buildServer()
    const dataFolder = mkdtempSync(join(tmpdir(), 'imagestreams-failing-'))
    const acknowledged: Acknowledged = { streams: [], pushes: [] }
    {
      await using server = await build.start({ DATA: dataFolder })
      expect(await change(server.url, 'before', acknowledged)).toBe(true)
      let isEnded = false
      void server.ended.then(() => {
        isEnded = true
      })
      const faults = await failing(server, calls, file && join(dataFolder, file))
      {
        await using _failing = faults
        for (let at = 0; at < CHANGES && !isEnded; at++) await change(server.url, `app-${at}`, acknowledged)
      }
      expect(faults.count()).toBeGreaterThan(0)
      // it goes on once the disk works, or it has ended to read what is on the disk
      const goesOn = !isEnded && (await change(server.url, 'after', acknowledged))
      if (!goesOn) expect((await server.ended).end).toBe(74)
    }

    {
      await using app = await startApp({ dataFolder })
      const { imageStreams } = await app.client.request<{ imageStreams: { nodes: { name: string }[] } }>(
        '{ imageStreams(namespace: "default", first: 100) { nodes { name } } }',
      )
      expect(imageStreams.nodes.map(({ name }) => name)).toEqual(expect.arrayContaining(acknowledged.streams))
      const client = new PushClient(app.app.url)
      for (const { to, image } of acknowledged.pushes) expect(await client.has(to, image)).toBe(true)
    }
    expect((await checkDataFolder(dataFolder, { isDeep: true, onProgress() {} })).findings).toEqual([])
    rmSync(dataFolder, { recursive: true, force: true, maxRetries: 5 })
  },
)
