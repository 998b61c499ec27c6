import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/db/open.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { seed } from '../bench/seed.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'

const TEXT_BYTES = 700 * 1024
const ENTRIES = 500_000

/** Gives the images of app-0 a long manifest and a config with many variables, and app-1 a long annotation. */
function enlarge(folder: string): void {
  using db = openDatabase(join(folder, 'imagestreams.db'))
  const env = Array.from({ length: ENTRIES }, (_, at) => `A${at}=`)
  const configBytes = Buffer.from(JSON.stringify({ config: { Env: env } }))
  const digest = digestOf(configBytes)
  const config = { digest, mediaType: 'application/vnd.oci.image.config.v1+json', size: configBytes.length }
  const padding = 'x'.repeat(TEXT_BYTES)
  const manifestOf = (id: number) => {
    const text = JSON.stringify({ schemaVersion: 2, config, layers: [], id, padding })
    return Buffer.from(text.replace('x'.repeat(text.length - TEXT_BYTES), ''))
  }
  db.transact(() => {
    db.prepare('insert into image_configs (digest, bytes) values (?, ?)').run(digest, configBytes)
    const images = db
      .prepare<{ id: number }>("select id from images where docker_image_reference like '%/app-0@%'")
      .all()
    const update = db.prepare(
      "update images set manifest = ?, digest = ?, config_digest = ?, kind = 'image' where id = ?",
    )
    for (const { id } of images) {
      const bytes = manifestOf(id)
      update.run(bytes, digestOf(bytes), digest, id)
    }
    const annotations = JSON.stringify([{ key: 'note', value: padding }])
    db.prepare("update image_streams set annotations = ? where name = 'app-1'").run(annotations)
  })
}

let folder: string
let app: TestApp
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'budget-'))
  seed(folder, { streams: 2, tags: 100, events: 1 })
  enlarge(folder)
  app = await startApp({ dataFolder: folder, costPerMinute: 0 })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const stream = (selection: string, name = 'app-0') => `{ imageStream(name: "${name}") { ${selection} } }`
const images = (count: number, selection: string) =>
  stream(`tags(first: ${count}) { nodes { image { ${selection} } } }`)
const aliases = (field: string) => Array.from({ length: 50 }, (_, at) => `a${at}: ${field}`).join(' ')

describe('an operation that would use too many bytes ends with TOO_COMPLEX, the path of the field and no data', () => {
  it.each([
    ['manifests of 100 tags', images(100, 'manifest'), /nodes,\d+,image,manifest$/],
    ['layers of 100 tags', images(100, 'layers { digest }'), /nodes,\d+,image,layers$/],
    ['variables of 100 tags', images(100, 'config { env }'), /nodes,\d+,image,config(,env)?$/],
    ['one manifest, 50 times', images(1, aliases('manifest')), /nodes,0,image,a46$/],
    ['one list of variables, 50 times', images(1, `config { ${aliases('env')} }`), /,config,a0$/],
    [
      'one document as YAML, 50 times',
      stream(aliases('document(format: YAML)'), 'app-1'),
      /imageStream,a4\d$/,
    ],
    [
      'one document as JSON, 50 times',
      stream(aliases('document(format: JSON)'), 'app-1'),
      /imageStream,a4\d$/,
    ],
  ])('%s', async (_, query, path) => {
    const { data, errors } = await app.client.execute(query)

    expect(data).toBeNull()
    expect(errors).toMatchObject([{ extensions: { code: 'TOO_COMPLEX' } }])
    expect(errors?.[0]?.message).toMatch(/^the operation reads more than 33554432 bytes/)
    expect(String(errors?.[0]?.path)).toMatch(path)
  })

  it('and the next one is served', async () => {
    const { data, errors } = await app.client.execute(images(10, 'manifest'))

    expect([data === null, errors]).toEqual([false, undefined])
  })
})

it('results that a client does not read hold a bounded part of the memory; the next one is served when they are gone', async () => {
  const large = { query: images(40, 'manifest') }
  const request = () =>
    fetch(`${app.app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(large),
    })
  const responses = await Promise.all(Array.from({ length: 8 }, request))
  const isRefused = ({ headers }: Response) => headers.has('content-length')
  const refused = await Promise.all(responses.filter(isRefused).map((response) => response.json()))
  expect(refused).toHaveLength(4)
  for (const { errors } of refused) expect(errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }])

  for (const response of responses) if (!isRefused(response)) await response.body?.cancel()
  await expect.poll(async () => (await app.client.execute(large.query)).errors).toBeUndefined()
})

it('an operation that uses too much time of the thread ends with TOO_COMPLEX, the path of a field and no data', async () => {
  const { now } = performance
  let skipped = 0
  // each look at the clock is a second later than the last one
  performance.now = () => now.call(performance) + 1_000 * skipped++
  try {
    const { data, errors } = await app.client.execute(images(100, 'digest'))

    expect(data).toBeNull()
    expect(errors).toMatchObject([{ extensions: { code: 'TOO_COMPLEX' } }])
    expect(errors?.[0]?.message).toBe(
      'the operation has used 10000 milliseconds of the server: use smaller pages',
    )
    expect(errors?.[0]?.path?.[0]).toBe('imageStream')
  } finally {
    performance.now = now
  }
})
