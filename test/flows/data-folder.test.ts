import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { missingPrograms, runProgram } from '../fixtures/programs.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { buildServer } from '../fixtures/server-process.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-folder-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Returns the parts of the folder that users other than the owner may use. */
const open = (data: string): string[] =>
  readdirSync(data, { recursive: true, encoding: 'utf8' }).filter(
    (path) => (statSync(join(data, path)).mode & 0o077) !== 0,
  )

test('all files of the data folder are for their owner only, and a start warns of others', async () => {
  const build = await buildServer()
  const DATA = join(folder, 'data')
  {
    await using server = await build.start({ DATA })
    await new PushClient(server.url).push(
      { repository: 'shop/web', tag: 'v1' },
      image({ seed: 1 }),
      'one POST',
    )
    expect(open(DATA)).toEqual([])
    server.kill('SIGTERM')
    await server.ended
  }
  expect(open(DATA)).toEqual([])
  expect(statSync(DATA).mode & 0o777).toBe(0o700)

  chmodSync(join(DATA, 'imagestreams.db'), 0o644)
  await using server = await build.start({ DATA, LOG_LEVEL: 'warn' })
  server.kill('SIGTERM')
  const { stdout } = await server.ended
  const lines = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  // others are about the machine
  expect(lines.filter(({ path }) => path)).toMatchObject([
    { path: join(DATA, 'imagestreams.db'), mode: '644', msg: expect.stringContaining('chmod -R go= ') },
  ])
})

test.skipIf(missingPrograms('strace'))('new folders are on disk before they are used', async () => {
  const data = join(folder, 'new', 'data')
  const trace = join(folder, 'trace')
  const create = `
    import { prepareDataFolder } from './src/app/data-folder.ts'
    import { createDiskStore } from './src/blobs/blob-store.ts'
    await prepareDataFolder(${JSON.stringify(data)}, console)
    await createDiskStore({ folder: ${JSON.stringify(data)}, now: Date.now, minimumFreeBytes: 0 })`
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', create]
  await runProgram('strace', ['-f', '-y', '-e', 'trace=fsync', '-o', trace, ...node])

  const synced = [...readFileSync(trace, 'utf8').matchAll(/fsync\(\d+<(.*?)>/g)].map(([, path]) => path)
  const parents = [folder, dirname(data), data, join(data, 'blobs'), join(data, 'blobs', 'sha256')]
  expect(synced).toEqual(expect.arrayContaining(parents))
})
