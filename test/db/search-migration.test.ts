import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { openDatabase } from '../../src/db/open.ts'
import { createStreams } from '../../src/imagestream/stream/stream.ts'
import type { StreamFilter } from '../../src/imagestream/stream/stream-criteria.ts'
import { createTags } from '../../src/imagestream/tag/tag.ts'
import type { TagSearchFilter } from '../../src/imagestream/tag/tag-search.ts'
import { image, index } from '../fixtures/random-image.ts'
import { ALL } from '../fixtures/test-domain.ts'
import { type Insert, type OldDatabase, oldDatabase } from './old-database.ts'

const amd64 = image({ seed: 1 })
const both = index([
  image({ seed: 2 }),
  image({ seed: 3, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } }),
])

let old: OldDatabase
beforeEach(() => {
  old = oldDatabase('policies_find', fill)
})
afterEach(() => old[Symbol.dispose]())

/** Rows of the version before: a stream with imported tags, one whose import failed, and an empty one. */
function fill(insert: Insert): void {
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
  ])('finds streams after the migration: %j', async (filter, names) => {
    using db = openDatabase(old.file)
    const streams = createStreams(db)

    const page = await streams.page(SYSTEM, { ...filter, order: 'NAME', page: ALL })

    expect(page.map(({ name }) => name)).toEqual(names)
    expect(await streams.count(SYSTEM, filter)).toBe(names.length)
  })

  it.each<[TagSearchFilter, string[]]>([
    [{ platform: 'linux/amd64' }, ['3.3', '3.4']],
    [{ platform: 'linux/arm64/v8' }, ['3.4']],
    [{ digest: amd64.digest }, ['3.3']],
    [{ registry: 'docker.io' }, ['3.3', '3.4']],
    [{ failing: {} }, ['1']],
    [{ unchangedSince: 6000 }, ['3.3', '1']],
  ])('finds tags after the migration: %j', (filter, names) => {
    using db = openDatabase(old.file)

    const tags = createTags(db).ofStreams([1, 2, 3], { ...filter, order: 'NAME', page: ALL })

    expect(tags.map(({ name }) => name).sort()).toEqual(names.toSorted())
  })

  it('orders streams by their newest tag event', async () => {
    using db = openDatabase(old.file)

    const page = await createStreams(db).page(SYSTEM, { order: 'NEWEST_FIRST', page: ALL })

    expect(page.map(({ name }) => name)).toEqual(['ruby', 'empty', 'tool'])
  })
})
