import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import BetterSqlite3 from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { migrate } from 'drizzle-orm/better-sqlite3/migrator'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/db/open.ts'
import { createStreams } from '../../src/imagestream/stream/stream.ts'
import type { StreamFilter } from '../../src/imagestream/stream/stream-search.ts'
import { createTags } from '../../src/imagestream/tag/tag.ts'
import type { TagSearchFilter } from '../../src/imagestream/tag/tag-search.ts'
import { image, index } from '../fixtures/random-image.ts'
import { ALL } from '../fixtures/test-domain.ts'

const MIGRATIONS = fileURLToPath(new URL('../../src/db/migrations', import.meta.url))
/** Number of migrations before search was added. */
const BEFORE = 3
const APPLICATION_ID = 0x696d7374

const amd64 = image({ seed: 1 })
const both = index([
  image({ seed: 2 }),
  image({ seed: 3, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } }),
])

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-'))
  file = join(folder, 'imagestreams.db')
  const migrations = join(folder, 'migrations')
  cpSync(MIGRATIONS, migrations, { recursive: true })
  const journal = join(migrations, 'meta/_journal.json')
  const { entries, ...rest } = JSON.parse(readFileSync(journal, 'utf8'))
  writeFileSync(journal, JSON.stringify({ ...rest, entries: entries.slice(0, BEFORE) }))
  const sqlite = new BetterSqlite3(file)
  sqlite.pragma(`application_id = ${APPLICATION_ID}`)
  migrate(drizzle(sqlite), { migrationsFolder: migrations })
  fill(sqlite)
  sqlite.close()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Rows of the version before: a stream with imported tags, one whose import failed, and an empty one. */
function fill(sqlite: BetterSqlite3.Database): void {
  const insert = (table: string, row: Readonly<Record<string, unknown>>): void => {
    const names = Object.keys(row)
    const marks = names.map(() => '?').join(', ')
    sqlite.prepare(`insert into ${table} (${names.join(', ')}) values (${marks})`).run(...Object.values(row))
  }
  const stream = (id: number, name: string, more: object): void =>
    insert('image_streams', {
      ...{ id, uid: name, namespace: 'default', name, generation: 1, resource_version: 1, created_at: 1 },
      ...{ labels: '[]', annotations: '[]', repository_generation: 1, insecure: 0, scheduled: 0 },
      ...{ import_mode: 'Legacy', lookup_local: 0, ...more },
    })
  const tag = (id: number, stream_id: number, name: string, at: number, image_id: number | null): void => {
    insert('tags', {
      ...{ id, stream_id, name, importance: name, version: name, newest_at: at },
      ...{ newest_image_id: image_id, newest_event_id: image_id && id },
    })
    if (image_id === null) return
    const event = {
      docker_image_reference: `docker.io/library/ruby@x${image_id}`,
      generation: 1,
      created_at: at,
    }
    insert('tag_events', { id, tag_id: id, image_id, ...event })
  }
  for (const [id, { digest, bytes, mediaType }, platform] of [
    [1, amd64, { os: 'linux', architecture: 'amd64' }],
    [2, both, {}],
  ] as const) {
    const content = { media_type: mediaType, docker_image_reference: `x@${digest}`, manifest: bytes }
    insert('images', { id, digest, ...content, ...platform })
  }
  stream(1, 'ruby', {
    docker_image_repository: 'docker.io/library/ruby',
    labels: JSON.stringify([{ key: 'team', value: 'x' }]),
  })
  stream(2, 'tool', {})
  stream(3, 'empty', {})
  insert('spec_tags', {
    ...{
      stream_id: 2,
      name: '1',
      annotations: '[]',
      from_kind: 'DockerImage',
      from_name: 'quay.io/team/tool:1',
    },
    ...{
      reference: 0,
      generation: 1,
      insecure: 0,
      scheduled: 0,
      import_mode: 'Legacy',
      reference_policy: 'Source',
    },
  })
  tag(1, 1, '3.3', 5000, 1)
  tag(2, 1, '3.4', 7000, 2)
  tag(3, 2, '1', 0, null)
  insert('tag_conditions', {
    ...{ tag_id: 3, type: 'ImportSuccess', status: 'False', reason: 'NotFound', message: 'it is gone' },
    ...{ last_transition_time: 1, generation: 1 },
  })
  for (const [id, stream_id, state] of [
    [1, 1, 'SUCCEEDED'],
    [2, 2, 'FAILED'],
  ] as const) {
    insert('imports', {
      ...{ id, stream_id, request: '{}', state, started_at: 1, finished_at: 8000, imported: 0, unchanged: 0 },
      ...{ failed: 0, additional_tags: '[]', unchanged_events: '[]' },
    })
  }
}

describe('a database from before search was added', () => {
  it.each<[StreamFilter, string[]]>([
    [{}, ['empty', 'ruby', 'tool']],
    [{ labels: [{ key: 'team', value: 'x' }] }, ['ruby']],
    [{ registry: 'docker.io' }, ['ruby']],
    [{ registry: 'quay.io' }, ['tool']],
    [{ digest: both.digest }, ['ruby']],
    [{ platform: 'linux/amd64' }, ['ruby']],
    [{ platform: 'linux/arm64' }, ['ruby']],
    [{ platform: 'linux/arm' }, []],
    [{ failing: {} }, ['tool']],
    [{ failing: { reason: 'NotFound' } }, ['tool']],
    [{ failing: { reason: 'Forbidden' } }, []],
    [{ notCheckedSince: 8000 }, ['empty', 'tool']],
    [{ notCheckedSince: 8001 }, ['empty', 'ruby', 'tool']],
    [{ unchangedSince: 7000 }, ['empty', 'tool']],
    [{ unchangedSince: 7001 }, ['empty', 'ruby', 'tool']],
  ])('finds streams after the migration: %j', (filter, names) => {
    using db = openDatabase(file)
    const streams = createStreams(db)

    const page = streams.page({ ...filter, order: 'NAME', page: ALL })

    expect(page.map(({ name }) => name)).toEqual(names)
    expect(streams.count(filter)).toBe(names.length)
  })

  it.each<[TagSearchFilter, string[]]>([
    [{ platform: 'linux/amd64' }, ['3.3', '3.4']],
    [{ platform: 'linux/arm64/v8' }, ['3.4']],
    [{ digest: amd64.digest }, ['3.3']],
    [{ registry: 'docker.io' }, ['3.3', '3.4']],
    [{ failing: {} }, ['1']],
    [{ unchangedSince: 6000 }, ['3.3', '1']],
  ])('finds tags after the migration: %j', (filter, names) => {
    using db = openDatabase(file)

    const tags = createTags(db).ofStreams([1, 2, 3], { ...filter, order: 'NAME', page: ALL })

    expect(tags.map(({ name }) => name).sort()).toEqual(names.toSorted())
  })

  it('orders streams by their newest tag event', () => {
    using db = openDatabase(file)

    const page = createStreams(db).page({ order: 'NEWEST_FIRST', page: ALL })

    expect(page.map(({ name }) => name)).toEqual(['ruby', 'empty', 'tool'])
  })
})
