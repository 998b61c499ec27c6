import { join } from 'node:path'
import { openDatabase } from '../../src/db/open.ts'
import { createChangeLog } from '../../src/events/change-log.ts'
import { sortKeysOf } from '../../src/imagestream/tag/tag-order.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { TagName } from '../../src/oci/tag.ts'

export interface SeedSize {
  readonly streams: number
  readonly tags: number
  readonly events: number
  /** Namespaces `team-0…` that have one stream after the other; without a number all are in `default`. */
  readonly namespaces?: number
}

/** Fills a database with streams `default/app-0…`, as imports would, without registries. */
export function seed(dataFolder: string, { streams, tags, events, namespaces }: SeedSize): void {
  using db = openDatabase(join(dataFolder, 'imagestreams.db'))
  createChangeLog(db)
  const insertImage = db.prepare<{ id: number }>(
    `insert into images (digest, media_type, docker_image_reference, manifest, size, os, architecture)
     values (?, 'application/vnd.oci.image.manifest.v1+json', ?, ?, ?, 'linux', 'amd64') returning id`,
  )
  const insertStream = db.prepare<{ id: number }>(
    `insert into image_streams (uid, namespace, name, generation, resource_version, created_at, labels, annotations,
       repository_generation, docker_image_repository, insecure, scheduled, import_mode, lookup_local)
     values (?, ?, ?, 1, 1, 0, '[]', '[]', 1, ?, 0, 0, 'Legacy', 0) returning id`,
  )
  const insertTag = db.prepare<{ id: number }>(
    'insert into tags (stream_id, name, importance, version, newest_at) values (?, ?, ?, ?, 0) returning id',
  )
  const insertEvent = db.prepare<{ id: number }>(
    'insert into tag_events (tag_id, image_id, docker_image_reference, generation, created_at) values (?, ?, ?, 1, ?) returning id',
  )
  const setNewest = db.prepare(
    'update tags set newest_event_id = ?, newest_image_id = ?, newest_at = ? where id = ?',
  )
  const idOf = (row: { id: number } | undefined): number => row?.id ?? 0
  const began = Date.UTC(2024, 0, 1)
  for (let s = 0; s < streams; s++) {
    db.transact(() => {
      const namespace = namespaces === undefined ? 'default' : `team-${s % namespaces}`
      const repository = `registry.example.org/team/app-${s}`
      const streamId = idOf(insertStream.get(`uid-${s}`, namespace, `app-${s}`, repository))
      for (let t = 0; t < tags; t++) {
        const name = `1.${t}` as TagName
        const { importance, version } = sortKeysOf(name)
        const tagId = idOf(insertTag.get(streamId, name, importance, version))
        for (let e = 0; e < events; e++) {
          const digest = digestOf(`${s}/${t}/${e}`)
          const reference = `${repository}@${digest}`
          const imageId = idOf(insertImage.get(digest, reference, Buffer.from('{}'), 1000 + e))
          const at = began + e * 1000
          setNewest.run(idOf(insertEvent.get(tagId, imageId, reference, at)), imageId, at, tagId)
        }
      }
    })
  }
}
