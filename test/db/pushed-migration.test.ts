import { expect, it } from 'vitest'
import { openDatabase } from '../../src/db/open.ts'
import { image } from '../fixtures/random-image.ts'
import { type Insert, oldDatabase } from './old-database.ts'

/** Four images: imported, pushed to a tag, pushed by digest, and pulled through. */
function fill(insert: Insert): void {
  for (const id of [1, 2, 3, 4]) {
    const { digest, bytes, mediaType } = image({ seed: id })
    insert('images', {
      id,
      digest,
      media_type: mediaType,
      docker_image_reference: `x@${digest}`,
      manifest: bytes,
    })
  }
  for (const [image_id, source] of [
    [1, 'IMPORT'],
    [2, 'REGISTRY'],
  ] as const) {
    insert('push_log', {
      ...{ sequence: image_id, pushed_at: 1, source, namespace: 'default', image_stream_name: 'app' },
      ...{ stream_id: 1, tag: 'latest', docker_image_reference: 'x', image_id },
    })
  }
  insert('repositories', { id: 1, namespace: 'default', name: 'app', created_at: 1 })
  for (const [image_id, source] of [
    [3, null],
    [4, 'quay.io/team/app@sha256:x'],
  ] as const) {
    const { digest } = image({ seed: image_id })
    insert('repository_manifests', {
      ...{ repository_id: 1, digest, image_id, source, insecure: 0, pushed_at: 1, confirmed_at: 1 },
    })
  }
}

it('images of an older database count as pushed if its log or a repository shows it', () => {
  using old = oldDatabase('pushed_images', fill)
  using db = openDatabase(old.file)

  expect(db.prepare<object>('select id, pushed from images order by id').all()).toEqual([
    { id: 1, pushed: 0 },
    { id: 2, pushed: 1 },
    { id: 3, pushed: 1 },
    { id: 4, pushed: 0 },
  ])
})
