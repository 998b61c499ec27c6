import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import type { Database } from '../../../src/db/open.ts'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { image, layer } from '../../fixtures/random-image.ts'
import { beforeTransactions, type CollectWorld, DAY, HOUR, leaveStray, openCollectWorld } from './world.ts'

/** Inserts rows of unreferenced, unconfirmed blobs of one repository, without files. */
function insertBlobs(db: Database, count: number): void {
  const digests = JSON.stringify(Array.from({ length: count }, (_, at) => digestOf(`blob ${at}`)))
  db.prepare(`insert into repositories (namespace, name, created_at) values ('shop', 'many', 0)`).run()
  db.prepare('insert into blobs select value, 1000, 0 from json_each(?)').run(digests)
  db.prepare('insert into repository_blobs select 1, value, 0 from json_each(?)').run(digests)
}

/** Inserts manifests that name the blob and are in no repository. */
function nameOften(db: Database, digest: Digest, count: number): void {
  const add = db.prepare(
    `insert into images (digest, media_type, docker_image_reference, manifest) values (?, '', '', x'')`,
  )
  const name = db.prepare('insert into manifest_references values (?, ?)')
  for (let at = 0; at < count; at++) name.run(add.insert(digestOf(`names ${digest} ${at}`)), digest)
}

const app = (seed: string) => image({ seed, layers: [layer(seed)] })

describe('the collection of blobs', () => {
  it('removes blobs without a manifest after their lease, and reports the freed bytes', async () => {
    await using world = await openCollectWorld()
    const kept = app('kept')
    await world.push('shop/web', kept, 'v1')
    const orphan = await world.pushBlob('shop/web', 'twelve bytes')
    world.pass(DAY)

    expect(await world.collector.collect(SYSTEM)).toMatchObject({ blobs: 0, bytes: 0 })
    expect(await world.collectLater()).toMatchObject({ blobs: 1, bytes: 12, message: null })

    expect(await world.status(`shop/web/blobs/${orphan}`)).toBe(404)
    const { files, blobs } = await world.contents()
    expect(files).toEqual([kept.config.digest, ...kept.layers.map(({ digest }) => digest)].sort())
    expect(blobs).toEqual(files)
  })

  it.each([
    ['a HEAD', (path: string) => ['HEAD', path]],
    ['a GET', (path: string) => ['GET', path]],
  ])('keeps a blob whose existence %s has just confirmed', async (_, request) => {
    await using world = await openCollectWorld()
    const digest = await world.pushBlob('shop/web', 'layer')
    const [method = '', path = ''] = request(`/v2/shop/web/blobs/${digest}`)
    world.pass(DAY - HOUR)
    expect((await world.send(method, path)).status).toBe(200)
    world.pass(DAY - HOUR)

    expect(await world.collector.collect(SYSTEM)).toMatchObject({ blobs: 0 })
    expect((await world.send(method, path)).status).toBe(200)
  })

  it('keeps a blob that was mounted within the lease, even if its source repository is gone', async () => {
    await using world = await openCollectWorld()
    const digest = await world.pushBlob('shop/base', 'layer')
    world.pass(DAY)
    const mounted = await world.send('POST', `/v2/shop/web/blobs/uploads/?mount=${digest}&from=shop/base`)
    expect(mounted.status).toBe(201)
    world.pass(HOUR)

    expect(await world.collector.collect(SYSTEM)).toMatchObject({ blobs: 0 })
    expect(await world.contents()).toMatchObject({
      links: [`shop/web ${digest}`],
      repositories: ['shop/web'],
    })
    expect((await world.get(`/v2/shop/web/blobs/${digest}`)).text).toBe('layer')
  })

  it('keeps a blob in the repository with a manifest that names it, and removes it from the others', async () => {
    await using world = await openCollectWorld()
    const named = app('named')
    await world.push('shop/web', named, 'v1')
    await world.pushBlob('shop/other', named.layers[0]?.bytes ?? '')

    expect(await world.collectLater()).toMatchObject({ blobs: 0, bytes: 0 })
    expect(await world.status(`shop/other/blobs/${named.layers[0]?.digest}`)).toBe(404)
    expect(await world.status(`shop/web/blobs/${named.layers[0]?.digest}`)).toBe(200)
  })

  it('removes a blob from a repository without such a manifest, even if hundreds of others have one', async () => {
    await using world = await openCollectWorld()
    const base = layer('base')
    await world.push('shop/web', image({ seed: 'web', layers: [base] }), 'v1')
    nameOften(world.domain.db, base.digest, 150)
    await world.push('shop/other', app('other'), 'v1')
    await world.pushBlob('shop/other', base.bytes)

    expect(await world.collectLater()).toMatchObject({ blobs: 0 })
    const { links } = await world.contents()
    expect(links).toContain(`shop/web ${base.digest}`)
    expect(links).not.toContain(`shop/other ${base.digest}`)
  })

  it('handles more than a page of blobs', async () => {
    await using world = await openCollectWorld()
    const count = 2_500
    insertBlobs(world.domain.db, count)

    expect(await world.collector.plan(SYSTEM).blobs.count()).toBe(count)
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ blobs: count })
    expect(await world.contents()).toMatchObject({ blobs: [], links: [], repositories: [] })
  })

  it('removes files without a row', async () => {
    await using world = await openCollectWorld()
    const stray = await leaveStray(world.blobs, 'stray')
    expect((await world.contents()).files).toEqual([stray])

    expect(await world.collector.collect(SYSTEM)).toMatchObject({ blobs: 1, bytes: 5 })
    expect((await world.contents()).files).toEqual([])
  })

  it('removes the content of a deleted stream, and the references of its manifests', async () => {
    await using world = await openCollectWorld()
    await world.push('shop/web', app('gone'), 'v1')
    world.domain.db.prepare('delete from image_streams').run()

    expect(await world.collector.collect(SYSTEM)).toMatchObject({ blobs: 2, manifests: 0 })
    expect(await world.contents()).toEqual({
      files: [],
      blobs: [],
      links: [],
      manifests: [],
      repositories: [],
      referring: [],
    })
  })

  it('keeps an empty repository that is young or has a stream', async () => {
    await using world = await openCollectWorld()
    await world.push('shop/web', app('deleted'), 'v1')
    const digest = await world.pushBlob('shop/other', 'blob')
    await world.delete(`/v2/shop/other/blobs/${digest}`)
    await world.delete(`/v2/shop/web/manifests/${app('deleted').digest}`)

    await world.collector.collect(SYSTEM)
    expect((await world.contents()).repositories).toEqual(['shop/other', 'shop/web'])
    await world.collectLater()
    expect((await world.contents()).repositories).toEqual(['shop/web'])
  })

  it('deletes at most two hundred rows in one transaction', async () => {
    await using world = await openCollectWorld()
    const { db } = world.domain
    insertBlobs(db, 1_000)
    const changes: number[] = []
    const collector = world.collectorOf({
      db: beforeTransactions(db, () => changes.push(world.domain.changes())),
    })
    await collector.collect(SYSTEM)
    changes.push(world.domain.changes())

    const each = changes.slice(1).map((total, at) => total - (changes[at] ?? 0))
    expect(each.filter((rows) => rows > 0).length).toBeGreaterThanOrEqual(10)
    expect(Math.max(...each)).toBe(200)
  })
})

describe('a blob that is about to be removed', () => {
  /** Runs a collection with a callback before each transaction, after the collection has chosen what to remove. */
  const collectAmid = async (world: CollectWorld, happens: string, ...values: (string | number)[]) => {
    const { db } = world.domain
    const late = db.prepare(happens)
    let transactions = 0
    // the first two transactions start the collection
    const collector = world.collectorOf({
      db: beforeTransactions(db, () => ++transactions > 2 && late.run(...values)),
    })
    return collector.collect(SYSTEM)
  }

  it.each([0, 150])('is kept when a manifest names it (and %d of other repositories do)', async (count) => {
    await using world = await openCollectWorld()
    const base = layer('base')
    await world.push('shop/web', image({ seed: 'web', layers: [base] }), 'v1')
    nameOften(world.domain.db, base.digest, count)
    await world.pushBlob('shop/other', base.bytes)
    world.pass(DAY + 1)
    const link = `insert or ignore into repository_manifests
      (repository_id, digest, image_id, insecure, pushed_at, confirmed_at)
      select r.id, m.digest, m.image_id, 0, 0, 0 from repositories r, repository_manifests m
      where r.name = ? and m.repository_id <> r.id limit 1`

    expect(await collectAmid(world, link, 'other')).toMatchObject({ blobs: 0, message: null })
    expect(await world.status(`shop/other/blobs/${base.digest}`)).toBe(200)
  })

  it('is kept when the registry confirms it to a client', async () => {
    await using world = await openCollectWorld()
    const digest = await world.pushBlob('shop/web', 'blob')
    world.pass(DAY + 1)
    const confirm = 'update repository_blobs set confirmed_at = ?'

    expect(await collectAmid(world, confirm, world.domain.time)).toMatchObject({ blobs: 0, message: null })
    expect(await world.status(`shop/web/blobs/${digest}`)).toBe(200)
  })

  it('is kept when another repository gets it', async () => {
    await using world = await openCollectWorld()
    const digest = await world.pushBlob('shop/web', 'blob')
    await world.push('shop/other', app('other'), 'v1')
    await world.delete(`/v2/shop/web/blobs/${digest}`)
    const mount = `insert or ignore into repository_blobs select id, ?, ? from repositories where name = 'other'`

    expect(await collectAmid(world, mount, digest, world.domain.time)).toMatchObject({
      blobs: 0,
      message: null,
    })
    expect((await world.get(`/v2/shop/other/blobs/${digest}`)).text).toBe('blob')
  })
})

describe('the collection of uploads', () => {
  it('removes uploads that received no byte for a day', async () => {
    await using world = await openCollectWorld()
    const abandoned = await world.startUpload('shop/web')
    await world.send('PATCH', abandoned, { body: 'half of it' })
    world.pass(HOUR)
    const continued = await world.startUpload('shop/web')
    world.pass(DAY - HOUR)
    await world.send('PATCH', continued, { body: 'more' })
    expect(await world.collector.collect(SYSTEM)).toMatchObject({ uploads: 0 })
    world.pass(1)

    expect(await world.collector.collect(SYSTEM)).toMatchObject({ uploads: 1, bytes: 10 })
    expect((await world.get(abandoned)).code).toBe('BLOB_UPLOAD_UNKNOWN')
    const put = await world.put(`${continued}?digest=${digestOf('more')}`, '')
    expect(put.status).toBe(201)
  })

  it('keeps an upload that a request is writing to', async () => {
    await using world = await openCollectWorld()
    const location = await world.startUpload('shop/web')
    const body = new PassThrough()
    const patched = world.send('PATCH', location, { body })
    body.write('first ')
    await expect.poll(async () => (await world.blobs.uploads())[0]?.size).toBe(6)
    world.pass(7 * DAY)

    expect(await world.collector.collect(SYSTEM)).toMatchObject({ uploads: 0 })
    body.end('second')
    expect((await patched).status).toBe(202)
    expect((await world.put(`${location}?digest=${digestOf('first second')}`, '')).status).toBe(201)
  })

  it('keeps an upload whose repository was removed', async () => {
    await using world = await openCollectWorld()
    const first = await world.pushBlob('shop/web', 'first')
    world.pass(DAY - HOUR)
    const location = await world.startUpload('shop/web')
    world.pass(2 * HOUR)
    await world.collector.collect(SYSTEM)
    expect(await world.contents()).toMatchObject({ repositories: [], files: [] })

    expect((await world.put(`${location}?digest=${first}`, 'first')).status).toBe(201)
    expect(await world.contents()).toMatchObject({ repositories: ['shop/web'], files: [first] })
  })
})
