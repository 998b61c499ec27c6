import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EVERYTHING } from '../../src/access/right/rights.ts'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { createDomain } from '../../src/app/domain.ts'
import { createDiskStore } from '../../src/blobs/blob-store.ts'
import { createCollector } from '../../src/collect/blobs/collect.ts'
import { createPruner } from '../../src/collect/images/prune.ts'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { FakeRegistry } from '../fixtures/fake-registry.ts'
import { NO_AUDIT } from '../fixtures/no-audit.ts'

// What the plans of both collectors cost over a large registry, beside one statement that reads the same rows and decides
// nothing.

const IMAGES = 50_000
const LAYERS = 2
const DAY = 24 * 60 * 60 * 1000
const NOW = Date.UTC(2026, 0, 1)

const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`

/** One repository of `IMAGES` untagged images, with `LAYERS` layers each, all old enough to be removed. */
function seed(db: Database): void {
  const repository = db.prepare('insert into repositories (namespace, name, created_at) values (?, ?, ?)')
  const image = db.prepare(
    `insert into images (digest, media_type, docker_image_reference, manifest) values (?, 'application/json', '', x'7b7d')`,
  )
  const link = db.prepare(
    'insert into repository_manifests (repository_id, digest, image_id, insecure, pushed_at, confirmed_at) values (?, ?, ?, 0, 0, 0)',
  )
  const blob = db.prepare('insert into blobs (digest, size, stored_at) values (?, 1000, 0)')
  const blobLink = db.prepare(
    'insert into repository_blobs (repository_id, digest, confirmed_at) values (?, ?, 0)',
  )
  const reference = db.prepare('insert into manifest_references (image_id, digest) values (?, ?)')
  db.transact(() => {
    const id = repository.insert('default', 'app', 0)
    for (let at = 0; at < IMAGES; at++) {
      const digest = digestOf(`image ${at}`)
      const imageId = image.insert(digest)
      link.run(id, digest, imageId)
      for (let layer = 0; layer < LAYERS; layer++) {
        const layerDigest = digestOf(`layer ${at} ${layer}`)
        blob.run(layerDigest)
        blobLink.run(id, layerDigest)
        reference.run(imageId, layerDigest)
      }
    }
  })
}

/** Milliseconds of one run; the plans read everything, so that a single run is representative. */
async function timed(run: () => unknown): Promise<number> {
  const began = performance.now()
  await run()
  return performance.now() - began
}

const READ_ALL = `select count(*), sum(length(i.manifest)), sum(b.size) from repository_manifests m
  join images i on i.id = m.image_id join manifest_references r on r.image_id = i.id
  join blobs b on b.digest = r.digest`

async function bench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'imagestreams-collect-'))
  using db = openDatabase(join(folder, 'imagestreams.db'))
  const now = () => NOW
  const blobs = await createDiskStore({ folder, now, minimumFreeBytes: 0 })
  const { recorder } = createDomain({
    ...{
      db,
      audit: NO_AUDIT,
      rightsOf: () => EVERYTHING,
      now,
      remote: new FakeRegistry(),
      uuid: () => 'uid',
      importMode: 'Legacy',
      maximumTags: null,
    },
    ...{
      content: null,
      scheduleIntervalMs: DAY,
      fullScanMs: DAY,
      blockOf: () => null,
      onInternalError: () => {},
      onFollowersError: () => {},
    },
  })
  seed(db)
  await using collector = createCollector({
    ...{ db, audit: NO_AUDIT, blobs, now, intervalMs: null, lease: DAY },
    policy: { untaggedAfter: 0, keepTagRevisions: 3 },
  })
  await using pruner = createPruner({ db, audit: NO_AUDIT, recorder, now })

  const limit = await timed(() => db.prepare(READ_ALL).all())
  console.log(
    `collect: ${IMAGES} untagged images of ${LAYERS} layers; one statement reads them in ${limit.toFixed(0)} ms`,
  )
  for (const [name, plan] of [
    ['plan of garbage collection', () => collector.plan(SYSTEM).totals()],
    ['plan of pruning', () => pruner.plan(SYSTEM).totals()],
  ] as const) {
    const time = await timed(plan)
    const each = ((time / IMAGES) * 1000).toFixed(1)
    console.log(
      `  ${name}: ${time.toFixed(0)} ms, ${each} µs an image = ${(time / limit).toFixed(1)} of the statement`,
    )
  }
  await blobs[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()
