import { expect, it } from 'vitest'
import { openDatabase } from '../../src/db/open.ts'
import { oldDatabase } from './old-database.ts'

it('stored targets of hints end as their imports did, and settings of receivers keep their values', () => {
  using old = oldDatabase('targets_end', (insert) => {
    insert('image_streams', {
      ...{ id: 1, uid: '1', namespace: 'team', name: 'app', generation: 1, resource_version: 1 },
      ...{ created_at: 1, labels: '[]', annotations: '[]', repository_generation: 1, insecure: 0 },
      ...{ scheduled: 0, import_mode: 'Legacy', lookup_local: 0, newest_at: 0 },
    })
    for (const [id, state, reason] of [
      [1, 'PARTIALLY_SUCCEEDED', null],
      [2, 'FAILED', 'RegistryUnavailable'],
      [3, 'RUNNING', null],
    ] as const) {
      insert('imports', {
        ...{ id, stream_id: 1, request: '{}', state, finished_at: id === 3 ? null : 1, reason },
        ...{ message: reason && 'it failed', imported: 0, unchanged: 0, failed: 0 },
        ...{ additional_tags: '[]', unchanged_events: '[]' },
      })
    }
    for (const [tag, reason] of [
      ['v2', 'Unauthorized'],
      ['gone', 'NotFound'],
    ] as const) {
      insert('import_failures', { import_id: 1, tag, importance: tag, reason, message: `${tag} failed` })
    }
    insert('webhooks', {
      ...{ id: 5, key: 'k', namespace: 'team', sender: 'JFROG', registry: 'jfrog.test', aliases: '[]' },
      ...{ repositories: '[]', settings: '{"pathPrefix":null,"isSigned":false}', enabled: 1 },
      ...{ created_at: 1, updated_at: 1 },
    })
    insert('webhook_deliveries', {
      ...{ id: 6, webhook_id: 5, received_at: 1, body_digest: 'sha256:0', outcome: 'ACCEPTED' },
      ...{ is_test: 0, source: '192.0.2.1' },
    })
    for (const [id, action] of [
      [7, 'push'],
      [8, 'delete'],
    ] as const) {
      insert('webhook_hints', {
        ...{ id, delivery_id: 6, webhook_id: 5, registry: 'jfrog.test', repository: 'team/app' },
        ...{ action, received_at: 1 },
      })
    }
    for (const [id, hint, tag, state, importId] of [
      [1, 7, 'v1', 'ASKED', 1],
      [2, 7, 'v2', 'ASKED', 1],
      [3, 8, 'gone', 'ASKED', 1],
      [4, 7, 'v1', 'ASKED', 2],
      [5, 7, 'v1', 'ASKED', 3],
      [6, 7, 'v1', 'KNOWN', null],
      [7, 7, 'v1', 'OPEN', null],
      [8, 7, 'v1', 'ASKED', 99],
    ] as const) {
      insert('webhook_targets', {
        ...{ id, hint_id: hint, stream_id: 1, tag, is_spec_tag: 0, state, import_id: importId },
      })
    }
  })
  using db = openDatabase(old.file)

  expect(
    db
      .prepare<{ end: string }>(
        `select webhook_id || ' ' || state || coalesce(' ' || reason || ': ' || message, '') as end
         from webhook_targets order by id`,
      )
      .all()
      .map(({ end }) => end),
  ).toEqual([
    '5 FINISHED',
    '5 FAILED Unauthorized: v2 failed',
    // the absence of the tag confirms its deletion
    '5 FINISHED',
    '5 FAILED RegistryUnavailable: it failed',
    '5 REQUESTED',
    '5 UP_TO_DATE',
    '5 OPEN',
    '5 FINISHED',
  ])
  expect(db.prepare<{ settings: string }>('select settings from webhooks').all()).toEqual([
    { settings: '{"pathPrefix":null,"signed":false}' },
  ])
})
