import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image, layer } from '../fixtures/random-image.ts'
import { buildServer, type ServerBuild } from '../fixtures/server-process.ts'

const FIRST = image({ seed: 1, layers: [layer('base'), layer('one')] })
const SECOND = image({ seed: 2, layers: [layer('base'), layer('two')] })
const [base, one] = FIRST.layers.map(({ digest }) => digest) as [Digest, Digest]

let build: ServerBuild
let original: string
beforeAll(async () => {
  build = await buildServer()
  original = newFolder()
  await using server = await build.start({ DATA: original })
  const registry = new PushClient(server.url)
  await registry.push({ repository: 'shop/web', tag: 'v1' }, FIRST, 'one POST')
  await registry.push({ repository: 'shop/web', tag: 'v1' }, SECOND, 'one POST')
  await registry.push({ repository: 'shop/api', tag: 'v1' }, FIRST, 'one POST')
  await using client = connect(server.url)
  for (const text of [
    'mutation { tagImage(input: { namespace: "shop", imageStream: "live", tag: "now", alias: true, from: { kind: IMAGE_STREAM_TAG, name: "web:v1" } }) { imageStreamTag { name } } }',
    'mutation { untagImage(input: { namespace: "shop", imageStream: "api", tag: "v1" }) { imageStream { name } } }',
  ]) {
    await client.request(text)
  }
  server.kill('SIGTERM')
  await server.ended
})
afterAll(() => rmSync(original, { recursive: true, force: true }))

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'imagestreams-check-'))
const fileOf = (data: string, digest: Digest): string =>
  join(data, 'blobs', 'sha256', digest.slice(7, 9), digest.slice(7))

interface Report {
  readonly findings: readonly {
    readonly kind: string
    readonly subject: string
    readonly neededBy: string[]
  }[]
}

/** Returns the report about a copy of the data folder that was damaged. */
async function reportOf(damage: (data: string) => void, ...flags: string[]) {
  const data = newFolder()
  try {
    cpSync(original, data, { recursive: true })
    damage(data)
    const { end, stdout, stderr } = await build.run({}, ['check', '--data', data, '--json', ...flags])
    expect(stderr).toBe('')
    return { end, findings: (JSON.parse(stdout) as Report).findings }
  } finally {
    rmSync(data, { recursive: true })
  }
}

const change = (data: string, text: string): void => {
  const sqlite = new BetterSqlite3(join(data, 'imagestreams.db'))
  sqlite.exec(text)
  sqlite.close()
  rmSync(join(data, 'imagestreams.db-sums'), { force: true })
}

test('a check of a whole data folder finds nothing, while a server runs and after it', async () => {
  const stopped = await build.run({}, ['check', '--data', original])
  expect(stopped).toMatchObject({
    end: 0,
    stderr: '',
    stdout: expect.stringContaining('nothing found: 5 blobs'),
  })

  await using _server = await build.start({ DATA: original })
  expect((await build.run({}, ['check', '--data', original])).end).toBe(0)
})

test('a check explains what is missing, cut short or damaged, and what needs it', async () => {
  const { end, findings } = await reportOf((data) => {
    const bytes = readFileSync(fileOf(data, base))
    bytes[3] = 0xff ^ (bytes[3] ?? 0)
    writeFileSync(fileOf(data, base), bytes)
    truncateSync(fileOf(data, one), 3)
    rmSync(fileOf(data, SECOND.config.digest))
  })

  expect(end).toBe(1)
  expect(findings).toHaveLength(3)
  expect(findings).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        kind: 'BLOB_DAMAGED',
        subject: base,
        neededBy: ['shop/live:now', 'shop/web:v1', 'shop/api'],
        remedy: expect.stringContaining('push the image again'),
      }),
      expect.objectContaining({ kind: 'BLOB_TRUNCATED', subject: one, neededBy: ['shop/api', 'shop/web'] }),
      expect.objectContaining({ kind: 'BLOB_MISSING', subject: SECOND.config.digest }),
    ]),
  )
})

test('a quick check reads no bytes of blobs', async () => {
  const { end } = await reportOf(
    (data) => writeFileSync(fileOf(data, base), Buffer.alloc(layer('base').bytes.length)),
    '--quick',
  )

  expect(end).toBe(0)
})

test.each([
  [
    'update tags set newest_image_id = (select min(id) from images) where newest_image_id is not null',
    'TAG_DIFFERS',
  ],
  ['delete from push_log where sequence = 2', 'LOG_GAP'],
  ["update images set manifest = '{}'", 'CONTENT_DAMAGED'],
  ['pragma foreign_keys = off; delete from repositories', 'ROW_DANGLING'],
])('a check finds rows that cannot be: %s', async (statement, kind) => {
  const { end, findings } = await reportOf((data) => change(data, statement))

  expect(end).toBe(1)
  expect(findings.map((finding) => finding.kind)).toContain(kind)
})

test('a check finds a damaged and a lost database, and refuses a folder that has none', async () => {
  const damaged = await reportOf((data) => {
    const bytes = readFileSync(join(data, 'imagestreams.db'))
    writeFileSync(join(data, 'imagestreams.db'), bytes.fill(0xa5, 8 * 4096, 9 * 4096))
  })
  expect(damaged.end).toBe(1)
  expect(damaged.findings[0]?.kind).toBe('DATABASE_DAMAGED')

  const lost = await reportOf((data) => rmSync(join(data, 'imagestreams.db')))
  expect(lost).toMatchObject({ end: 1, findings: [{ kind: 'DATABASE_LOST' }] })

  const empty = newFolder()
  const { end, stderr } = await build.run({}, ['check', '--data', empty])
  expect({ end, stderr }).toEqual({ end: 78, stderr: expect.stringContaining('is not a data folder') })
  rmSync(empty, { recursive: true })
})
