import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { artifact } from '../fixtures/artifacts.ts'
import { attestation, type Content, image, index } from '../fixtures/random-image.ts'
import { type Insert, type OldDatabase, oldDatabase } from './old-database.ts'

// Images and tags that were stored before the kinds of contents were.

const HELM = 'application/vnd.cncf.helm.config.v1+json'
const app = image({ seed: 1 })
const chart = artifact({ subject: null, configType: HELM })
const CONTENTS: Readonly<Record<string, Content>> = {
  app,
  chart,
  both: index([app, attestation(app)]),
  charts: index([{ ...app, ...chart }]),
  broken: { ...app, bytes: Buffer.from('not a manifest'), digest: chart.blobs[0]?.digest ?? app.digest },
}
const SIGNATURE = `sha256-${'0'.repeat(64)}.sig`

let old: OldDatabase
let db: Database
beforeEach(() => {
  old = oldDatabase('kinds_of_content', fill)
  db = openDatabase(old.file)
})
afterEach(() => {
  db[Symbol.dispose]()
  old[Symbol.dispose]()
})

function fill(insert: Insert): void {
  insert('image_streams', {
    ...{ id: 1, uid: 'x', namespace: 'team', name: 'app', generation: 1, resource_version: 7, created_at: 1 },
    ...{ labels: '[]', annotations: '[]', repository_generation: 1, insecure: 0, scheduled: 0 },
    ...{ import_mode: 'Legacy', lookup_local: 0, newest_at: 0 },
  })
  const tag = (name: string, newest_image_id: number | null): void =>
    insert('tags', { stream_id: 1, name, importance: name, version: name, newest_at: 1, newest_image_id })
  for (const [at, [name, { digest, mediaType, bytes }]] of Object.entries(CONTENTS).entries()) {
    const content = { media_type: mediaType, docker_image_reference: `x@${digest}`, manifest: bytes }
    insert('images', { id: at + 1, digest, ...content })
    tag(name, at + 1)
  }
  tag(SIGNATURE, 1)
  tag('empty', null)
}

it('stored images and tags get their kinds', () => {
  const images = db.prepare<object>('select kind, artifact_type as type from images order by id').all()
  const tags = db.prepare<{ name: string }>('select name from tags where artifact = 1 order by name').all()

  expect(images).toEqual([
    { kind: 'IMAGE', type: null },
    { kind: 'ARTIFACT', type: HELM },
    { kind: 'INDEX', type: null },
    { kind: 'ARTIFACT', type: null },
    { kind: 'IMAGE', type: null },
  ])
  expect(tags.map(({ name }) => name)).toEqual(['chart', 'charts', SIGNATURE])
})
