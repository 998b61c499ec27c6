import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { image, index, layer } from '../fixtures/random-image.ts'
import { type Insert, type OldDatabase, oldDatabase } from './old-database.ts'

// Tags that got images of other streams before the registry served them under the name of their own stream.

const of = (seed: string) => image({ seed, layers: [layer(seed)] })
const [app, other, imported, signature] = [of('app'), of('other'), of('imported'), of('signature')]
const multi = index([app])

let old: OldDatabase
let db: Database
beforeEach(() => {
  old = oldDatabase('promotions', fill)
  db = openDatabase(old.file)
})
afterEach(() => {
  db[Symbol.dispose]()
  old[Symbol.dispose]()
})

function fill(insert: Insert): void {
  const stream = (id: number, name: string): void =>
    insert('image_streams', {
      ...{ id, uid: name, namespace: 'team', name, generation: 1, resource_version: 7, created_at: 1 },
      ...{ labels: '[]', annotations: '[]', repository_generation: 1, insecure: 0, scheduled: 0 },
      ...{ import_mode: 'Legacy', lookup_local: 0, newest_at: 0 },
    })
  for (const [at, name] of ['pushed', 'promoted', 'imports', 'pulls', 'follows'].entries())
    stream(at + 1, name)
  const contents = [app, other, imported, multi, signature]
  for (const [at, { digest, mediaType, bytes }] of contents.entries()) {
    const content = { media_type: mediaType, docker_image_reference: `x@${digest}`, manifest: bytes }
    insert('images', { id: at + 1, digest, ...content })
  }
  let event = 0
  /** Adds a tag with these entries, the newest last. */
  const tag = (
    stream_id: number,
    name: string,
    entries: readonly (readonly [number, string, number?])[],
  ): void => {
    const id = event + 100
    const sorted = { importance: name, version: name, newest_at: 1, platforms: null }
    insert('tags', { id, stream_id, name, ...sorted, newest_image_id: entries.at(-1)?.[0] })
    for (const [image_id, repository, import_id = null] of entries) {
      const docker_image_reference = `${repository}@${contents[image_id - 1]?.digest}`
      const stored = { id: ++event, tag_id: id, image_id, docker_image_reference, import_id }
      insert('tag_events', { ...stored, generation: 1, created_at: 1 })
    }
  }
  const spec = (
    stream_id: number,
    name: string,
    from_kind: string,
    from_name: string,
    policy = 'Source',
  ): void =>
    insert('spec_tags', {
      ...{
        stream_id,
        name,
        annotations: '[]',
        from_kind,
        from_name,
        reference: 0,
        generation: 1,
        insecure: 0,
      },
      ...{ scheduled: 0, import_mode: 'Legacy', reference_policy: policy },
    })
  tag(1, 'v1', [
    [1, 'here:4000/team/pushed'],
    [2, 'here:4000/team/pushed'],
    [4, 'here:4000/team/pushed'],
  ])
  tag(2, 'prod', [
    [2, 'here:4000/team/pushed'],
    [4, 'here:4000/team/pushed'],
  ])
  tag(2, 'upstream', [[3, 'quay.io/team/pushed', 1]])
  spec(4, 'v1', 'DockerImage', 'quay.io/team/app:v1', 'Local')
  tag(4, 'v1', [[3, 'quay.io/team/app', 2]])
  spec(5, 'copy', 'ImageStreamTag', 'pulls:v1')
  tag(5, 'copy', [[3, 'quay.io/team/app']])

  insert('repositories', { id: 1, namespace: 'team', name: 'pushed', created_at: 1, stream_id: 1 })
  insert('repositories', { id: 2, namespace: 'team', name: 'pulls', created_at: 1, stream_id: 4 })
  const link = (repository_id: number, image_id: number, more: object = {}): void => {
    const digest = contents[image_id - 1]?.digest
    const times = { pushed_at: 5, confirmed_at: 6 }
    insert('repository_manifests', { repository_id, digest, image_id, insecure: 0, ...times, ...more })
  }
  for (const id of [1, 2, 4]) link(1, id)
  link(1, 5, { subject: multi.digest })
  link(2, 3, { source: `quay.io/team/app@${imported.digest}` })
  const refers = (image_id: number, digest: string): void =>
    insert('manifest_references', { image_id, digest })
  refers(4, app.digest)
  for (const [image_id, { config, layers }] of [
    [1, app],
    [2, other],
    [3, imported],
    [5, signature],
  ] as const) {
    for (const { digest, bytes } of [config, ...layers]) {
      refers(image_id, digest)
      insert('blobs', { digest, size: bytes.length, stored_at: 1 })
      insert('repository_blobs', { repository_id: image_id === 3 ? 2 : 1, digest, confirmed_at: 6 })
    }
  }
}

const linked = (table: string, stream: string): string[] =>
  db
    .prepare<{ digest: string }>(
      `select l.digest from ${table} l join repositories r on r.id = l.repository_id
         join image_streams s on s.id = r.stream_id and s.namespace = r.namespace and s.name = r.name
       where r.name = ? order by l.digest`,
    )
    .all(stream)
    .map(({ digest }) => digest)

const blobsOf = (...images: (typeof app)[]): string[] =>
  images.flatMap(({ config, layers }) => [config, ...layers].map(({ digest }) => digest)).sort()

describe('a database from before promotions were served', () => {
  it('has the images of each promoted tag and its history in its own repository, with all that belongs to them', () => {
    const all = [app, other, multi, signature]
    expect(linked('repository_manifests', 'promoted')).toEqual(all.map(({ digest }) => digest).sort())
    expect(linked('repository_blobs', 'promoted')).toEqual(blobsOf(app, other, signature))
  })

  it('has an image that the other stream pulls through', () => {
    expect(linked('repository_manifests', 'follows')).toEqual([imported.digest])
    expect(linked('repository_blobs', 'follows')).toEqual(blobsOf(imported))
    expect(
      db.prepare('select distinct source from repository_manifests where digest = ?').all(imported.digest),
    ).toEqual([{ source: `quay.io/team/app@${imported.digest}` }])
  })

  it('names the own repository in pull specs of promoted images, and the source in those of imported ones', () => {
    const events = db.prepare<{ name: string; spec: string; version: number }>(
      `select s.name || ':' || t.name as name, e.docker_image_reference as spec, s.resource_version as version
       from tag_events e join tags t on t.id = e.tag_id join image_streams s on s.id = t.stream_id order by e.id`,
    )
    expect(events.all()).toEqual([
      ...[app, other, multi].map(({ digest }) => ({
        ...{ name: 'pushed:v1', spec: `here:4000/team/pushed@${digest}`, version: 7 },
      })),
      { name: 'promoted:prod', spec: `here:4000/team/promoted@${other.digest}`, version: 8 },
      { name: 'promoted:prod', spec: `here:4000/team/promoted@${multi.digest}`, version: 8 },
      { name: 'promoted:upstream', spec: `quay.io/team/pushed@${imported.digest}`, version: 8 },
      { name: 'pulls:v1', spec: `quay.io/team/app@${imported.digest}`, version: 7 },
      { name: 'follows:copy', spec: `quay.io/team/app@${imported.digest}`, version: 7 },
    ])
  })

  it('has no other links than before elsewhere', () => {
    expect(linked('repository_manifests', 'imports')).toEqual([])
    expect(linked('repository_manifests', 'pushed')).toHaveLength(4)
    expect(linked('repository_manifests', 'pulls')).toEqual([imported.digest])
  })
})
