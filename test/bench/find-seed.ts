import { join } from 'node:path'
import { openDatabase } from '../../src/db/open.ts'
import { createChangeLog } from '../../src/events/change-log.ts'
import { sortKeysOf } from '../../src/imagestream/tag/tag-order.ts'
import type { TagName } from '../../src/oci/tag.ts'

export const SIZE = { streams: 10_000, tagsOfEach: 10, eventsOfEach: 10, images: 100_000, namespaces: 10 }

/** Image that one tag of each stream points to. */
export const COMMON_IMAGE = 1

/** Time of the first event in milliseconds since 1970; each event is one millisecond after the previous one. */
export const BEGAN = Date.UTC(2024, 0, 1)

/** Returns the digest of the image with this number. */
export const digestOfNumber = (image: number): string => `sha256:${image.toString(16).padStart(64, '0')}`

/** Frequency of properties of streams and tags: each has one in so many. */
const ONE_IN = {
  team: 100,
  quay: 3,
  rareRegistry: 3_000,
  failing: 5,
  notFound: 5_000,
}

const PLATFORMS = [
  'linux/amd64',
  'linux/amd64 linux/arm64/v8',
  'linux/386 linux/amd64 linux/arm/v7 linux/arm64/v8 linux/s390x',
  'linux/amd64 linux/arm64',
]
/** Platform of one tag in `SIZE.images / 20`. */
export const RARE_PLATFORM = 'windows/amd64'

/**
 * Fills a database with as many rows as years of imports create, in bulk: streams `team-0/app-0…` in turn, their
 * tags `1.0…`, and for each tag events; the tag points to the image of the last one.
 */
export function seedFind(dataFolder: string): void {
  using db = openDatabase(join(dataFolder, 'imagestreams.db'))
  createChangeLog(db)
  const { streams, tagsOfEach, eventsOfEach, images, namespaces } = SIZE
  const numbers = (count: number): string =>
    `with recursive n (i) as (select 0 union all select i + 1 from n where i < ${count - 1})`
  const insert = (text: string, ...values: readonly string[]) => db.prepare(text).run(...values)
  const tags = Array.from({ length: tagsOfEach }, (_, at) => {
    const name = `1.${at}` as TagName
    return { name, ...sortKeysOf(name) }
  })
  db.transact(() => {
    insert(
      `insert into images (id, digest, media_type, docker_image_reference, manifest, size, os, architecture, platforms)
       ${numbers(images)} select i + 1, printf('sha256:%064x', i + 1), 'application/vnd.oci.image.manifest.v1+json',
         printf('docker.io/team/app@sha256:%064x', i + 1), x'7b7d', 1000, 'linux', 'amd64',
         case when i % ${images / 20} = 7 then '${RARE_PLATFORM}' else ? ->> (i % ${PLATFORMS.length}) end from n`,
      JSON.stringify(PLATFORMS),
    )
    insert(`insert into image_streams (id, uid, namespace, name, generation, resource_version, created_at, labels,
        annotations, docker_image_repository, registry, repository_generation, insecure, scheduled, import_mode,
        lookup_local, checked_at)
      ${numbers(streams)} select i + 1, 'uid-' || i, 'team-' || (i % ${namespaces}), 'app-' || i, 1, 1, 0, '[]', '[]',
        'x/y', case when i % ${ONE_IN.rareRegistry} = 1 then 'rare.example.org'
          when i % ${ONE_IN.quay} = 0 then 'quay.io' else 'docker.io' end, 1, 0, 0, 'Legacy', 0,
        case when i % 50 > 0 then ${BEGAN} + i end from n`)
    insert(`update image_streams set docker_image_repository = registry || '/team/' || name`)
    insert(`insert into stream_labels (stream_id, key, value)
      select id, 'tier', 'back' from image_streams union all
      select id, 'team', id % ${ONE_IN.team} from image_streams`)
    insert(`update image_streams set labels = (select json_group_array(json_object('key', key, 'value', value))
      from stream_labels where stream_id = image_streams.id)`)
    insert(
      `insert into tags (stream_id, name, importance, version, newest_at)
       select s.id, t.value ->> 'name', t.value ->> 'importance', t.value ->> 'version', 0
       from image_streams s, json_each(?) t`,
      JSON.stringify(tags),
    )
    // each tag in turn gets an event, repeatedly: the newest events are spread over all streams
    const all = streams * tagsOfEach
    insert(`insert into tag_events (id, tag_id, image_id, docker_image_reference, generation, created_at)
      ${numbers(all * eventsOfEach)}, m (i, image) as (
        select i, case when i % ${tagsOfEach} = 0 then ${COMMON_IMAGE} else 1 + (i * 7) % ${images} end from n)
      select i + 1, 1 + i % ${all}, image, printf('docker.io/team/app@sha256:%064x', image), 1, ${BEGAN} + i from m`)
    const first = all * (eventsOfEach - 1)
    insert(`update tags set newest_event_id = id + ${first}`)
    insert(`update tags set (newest_at, newest_image_id) =
      (select created_at, image_id from tag_events where id = newest_event_id)`)
    insert(`update tags set platforms = (select platforms from images where id = newest_image_id),
      failing = case when id % ${ONE_IN.notFound} = 3 then 'NotFound'
        when id % ${ONE_IN.failing} = 0 then 'RegistryUnavailable' end`)
    insert(
      `update image_streams set newest_at = (select max(newest_at) from tags where stream_id = image_streams.id)`,
    )
  })
}
