import { expect, it } from 'vitest'
import { openDatabase } from '../../src/db/open.ts'
import { sortKeysOf } from '../../src/imagestream/tag/tag-order.ts'
import { tagName } from '../fixtures/test-domain.ts'
import { oldDatabase } from './old-database.ts'

/** Tags with the keys of the version before, in which of equal versions the less exact one came first. */
const OLD = ['1.2', 'v1.2', '1.2.0', 'v1.2.0', '10.0.1-rc.1', '1.2-rc1', 'latest', '1', 'edge', '2024'].map(
  (name) => {
    const key = sortKeysOf(tagName(name)).version
    if (!key.startsWith('1')) return { name, version: key }
    const at = key.length - name.length - 2
    return { name, version: `${key.slice(0, at)}${key[at] === '0' ? '1' : '0'}${key.slice(at + 1)}` }
  },
)

it('tags of a database of the version before are sorted by version as policies choose', () => {
  using old = oldDatabase('version_order', (insert) => {
    insert('image_streams', {
      ...{ id: 1, uid: 'a', namespace: 'a', name: 'a', generation: 1, resource_version: 1, created_at: 1 },
      ...{ labels: '[]', annotations: '[]', repository_generation: 1, insecure: 0, scheduled: 0 },
      ...{ import_mode: 'Legacy', lookup_local: 0, newest_at: 0 },
    })
    for (const { name, version } of OLD)
      insert('tags', { stream_id: 1, name, version, importance: name, newest_at: 0 })
  })
  using db = openDatabase(old.file)
  const stored = db
    .prepare<{ name: string; version: string }>('select name, version from tags order by id')
    .all()

  expect(stored).toEqual(OLD.map(({ name }) => ({ name, version: sortKeysOf(tagName(name)).version })))
})
