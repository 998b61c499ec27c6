import { afterAll, beforeAll, expect, it } from 'vitest'
import { SYSTEM, type Viewer } from '../../src/access/right/viewer.ts'
import type { ImageLocation } from '../../src/imagestream/tag/image-locations.ts'
import { createSeenLocations } from '../../src/imagestream/tag/seen-locations.ts'
import { createViewers } from '../fixtures/viewers.ts'
import { IMAGES, SearchWorld } from './search-world.ts'

const [ONE, OTHER] = IMAGES
if (!ONE || !OTHER) throw new Error('there are no images')

let world: SearchWorld
let viewers: ReturnType<typeof createViewers>
let isSeen: ReturnType<typeof createSeenLocations>
beforeAll(() => {
  world = new SearchWorld()
  viewers = createViewers(world.domain.db)
  isSeen = createSeenLocations(world.domain.db)
  world.record(world.create('team', 'app'), '1', ONE, 'docker.io')
  world.record(world.create('team', 'hidden'), '1', OTHER, 'docker.io')
  world.record(world.create('secret', 'app'), '1', ONE, 'quay.io')
})
afterAll(() => world[Symbol.asyncDispose]())

const at = (registry: string, namespace: string | null, { digest } = ONE): ImageLocation => ({
  digest,
  repository: { registry, repository: 'team/app', insecure: false, namespace },
})

it('an image is seen in a repository from which a visible stream of the namespace has it', () => {
  const seenBy = (viewer: Viewer) => [
    isSeen(viewer, at('docker.io', 'team')),
    isSeen(viewer, at('docker.io', null)),
    isSeen(viewer, at('quay.io', 'secret')),
    isSeen(viewer, at('quay.io', null)),
    isSeen(viewer, at('docker.io', 'team', OTHER)),
  ]
  expect(seenBy(SYSTEM)).toEqual([true, true, true, true, true])
  expect(seenBy(viewers.in(['team/app']))).toEqual([true, true, false, false, false])
  expect(seenBy(viewers.in(['secret/*']))).toEqual([false, false, true, true, false])
  expect(seenBy(viewers.in([]))).toEqual([false, false, false, false, false])
})
