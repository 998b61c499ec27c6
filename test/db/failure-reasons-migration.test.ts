import { expect, it } from 'vitest'
import { openDatabase } from '../../src/db/open.ts'
import { oldDatabase } from './old-database.ts'

it('stored reasons of listings and verifications get the words of all failures', () => {
  using old = oldDatabase('failure_reasons', (insert) => {
    for (const [at, reason] of ['OddShape', 'TooLong', 'Unavailable', 'Forbidden', null].entries()) {
      insert('image_streams', {
        ...{ id: at, uid: `${at}`, namespace: 'team', name: `app${at}`, generation: 1, resource_version: 1 },
        ...{ created_at: 1, labels: '[]', annotations: '[]', repository_generation: 1, insecure: 0 },
        ...{ scheduled: 0, import_mode: 'Legacy', lookup_local: 0, newest_at: 0 },
      })
      insert('repository_watches', { stream_id: at, generation: 1, reason })
    }
    for (const [at, reason] of ['IncompleteList', 'NoSignature'].entries()) {
      insert('verifications', {
        ...{ namespace: '', repository: 'quay.io/team/app', digest: `sha256:${at}`, policy_version: '1' },
        ...{ outcome: JSON.stringify({ status: 'UNKNOWN', reason }), basis: '', checked_at: 1 },
      })
    }
  })
  using db = openDatabase(old.file)

  expect(
    db.prepare<{ reason: string }>('select reason from repository_watches order by stream_id').all(),
  ).toEqual(
    ['InvalidListing', 'ListingTooLong', 'RegistryUnavailable', 'Forbidden', null].map((reason) => ({
      reason,
    })),
  )
  expect(db.prepare<{ outcome: string }>('select outcome from verifications order by digest').all()).toEqual([
    { outcome: '{"status":"UNKNOWN","reason":"TooManyReferrers"}' },
    { outcome: '{"status":"UNKNOWN","reason":"NoSignature"}' },
  ])
})
