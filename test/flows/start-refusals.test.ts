import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildServer, type Ended } from '../fixtures/server-process.ts'
import { mountReadOnly, mountSmallDisk } from '../fixtures/small-disk.ts'

const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-refusals-'))
  chmodSync(folder, 0o755)
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Requires one line of JSON that ends with what to do, and returns its message. */
function messageOf({ stdout, stderr }: Ended): string {
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  const { level, msg } = JSON.parse(stderr) as { level: number; msg: string }
  expect(level).toBe(60)
  for (const line of stdout.split('\n').filter((one) => one !== '')) JSON.parse(line)
  return msg
}

/** Data folders that cannot be used, with the end of the process. */
const REFUSALS: readonly (readonly [
  what: string,
  end: number,
  message: RegExp,
  make: (data: string) => string,
])[] = [
  [
    'is a file',
    78,
    /^EEXIST.*the path of --data is a file; choose a folder$/,
    (data) => {
      writeFileSync(data, '')
      return data
    },
  ],
  [
    'is below a file',
    78,
    /^ENOTDIR.*a part of the path of --data is a file; choose a folder$/,
    (data) => {
      writeFileSync(data, '')
      return join(data, 'below')
    },
  ],
  [
    'has a folder in place of the database',
    78,
    /imagestreams\.db.*(?:--data|backup)/,
    (data) => {
      mkdirSync(join(data, 'imagestreams.db'), { recursive: true })
      return data
    },
  ],
  [
    'has a text in place of the database',
    78,
    /imagestreams\.db.*(?:damaged|not a database)/,
    (data) => {
      mkdirSync(data)
      writeFileSync(join(data, 'imagestreams.db'), 'a diary'.repeat(1000))
      return data
    },
  ],
  [
    'has a file in place of the folder of blobs',
    78,
    /(?:EEXIST|ENOTDIR).*blobs/,
    (data) => {
      mkdirSync(data)
      writeFileSync(join(data, 'blobs'), '')
      return data
    },
  ],
]

test.each(REFUSALS)(
  'a data folder that %s ends the start with %d and one line',
  async (what, end, message, make) => {
    const build = await buildServer()
    const DATA = make(join(folder, what.replaceAll(' ', '-')))
    const ended = await build.run({ DATA, PORT: '0' })
    expect({ end: ended.end, message: messageOf(ended) }).toEqual({
      end,
      message: expect.stringMatching(message),
    })
  },
)

test('the parents of a new data folder are created', async () => {
  const build = await buildServer()
  await using server = await build.start({ DATA: join(folder, 'one', 'two', 'three') })
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
})

test.runIf(isRoot)(
  'a user without permissions on the data folder, or on its files, gets 78 and one line',
  async () => {
    const build = await buildServer()
    const run = (DATA: string) => build.run({ DATA, PORT: '0' }, [], NOBODY)
    const owned = join(folder, 'of-root')
    mkdirSync(owned, { mode: 0o700 })
    for (const DATA of [owned, join(owned, 'below'), join(folder, 'new')]) {
      const ended = await run(DATA)
      expect({ end: ended.end, message: messageOf(ended) }).toEqual({
        end: 78,
        message: expect.stringMatching(/permission|writable/),
      })
    }
    const files = join(folder, 'files-of-root')
    mkdirSync(files)
    chownSync(files, NOBODY, NOBODY)
    writeFileSync(join(files, 'imagestreams.db'), '', { mode: 0o600 })
    const ended = await run(files)
    expect({ end: ended.end, message: messageOf(ended) }).toEqual({
      end: 78,
      message: expect.stringMatching(/\.db/),
    })
  },
)

const disk = mountSmallDisk('1m')

test.runIf(disk)('a new data folder on a full disk ends the start with 74', async () => {
  if (!disk) return
  await using _mounted = disk
  const build = await buildServer()
  await disk.fill()
  const ended = await build.run({ DATA: join(disk.folder, 'data'), PORT: '0' })
  expect({ end: ended.end, message: messageOf(ended) }).toEqual({
    end: 74,
    message: expect.stringMatching(/full|space/),
  })
})

test('a new data folder on a read-only disk ends the start with 78', async ({ skip }) => {
  const build = await buildServer()
  const parent = join(folder, 'read-only')
  mkdirSync(parent)
  using readOnly = mountReadOnly([parent])
  if (!readOnly) return skip()
  for (const DATA of [parent, join(parent, 'data')]) {
    const ended = await build.run({ DATA, PORT: '0' })
    expect({ end: ended.end, message: messageOf(ended) }).toEqual({
      end: 78,
      message: expect.stringMatching(/read-only|writable/),
    })
  }
})
