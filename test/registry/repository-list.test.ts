import { expect, it } from 'vitest'
import { createRightSets } from '../../src/access/right/right-sets.ts'
import { SYSTEM, type Viewer } from '../../src/access/right/viewer.ts'
import { createUploadList } from '../../src/registry/content/upload-list.ts'
import { createUsage } from '../../src/registry/content/usage.ts'
import { image } from '../fixtures/random-image.ts'
import { openWorld } from './world.ts'

it('the lists of repositories and uploads, and their numbers, have only what the viewer sees', async () => {
  await using world = await openWorld()
  for (const name of ['team/web', 'secret/web']) {
    await world.push(name, image({ seed: 'web' }), 'v1')
    await world.startUpload(name)
  }
  const { db } = world.domain
  const grants = [{ role: 'VIEWER', namespace: 'team', streams: '*' }] as const
  const viewer: Viewer = { ...SYSTEM, id: 'user:1', rights: createRightSets(db).rightsOf(grants) }
  const usage = createUsage(db)
  const uploads = createUploadList(world.blobs)
  const namesOf = async (who: Viewer) =>
    (await usage.repositories(who, {}, { limit: 9 })).map(({ namespace, name }) => `${namespace}/${name}`)

  expect(await namesOf(SYSTEM)).toEqual(['secret/web', 'team/web'])
  expect(await namesOf(viewer)).toEqual(['team/web'])
  expect(await usage.countRepositories(viewer, {})).toBe(1)
  expect(usage.repository(viewer, { namespace: 'secret', name: 'web' })).toBeUndefined()
  expect((await uploads.all(viewer)).map(({ repository }) => repository)).toEqual(['team/web'])
  expect(await uploads.all(SYSTEM)).toHaveLength(2)
})
