import { SYSTEM, type Viewer } from '../../../src/access/right/viewer.ts'
import { parseReference } from '../../../src/oci/reference.ts'
import { repositoryNameOf } from '../../../src/oci/repository-name.ts'
import type { TagName } from '../../../src/oci/tag.ts'
import type {
  ImageMirroring,
  MirroredTag,
  MirroringRequest,
} from '../../../src/registry/mirroring/mirroring.ts'
import { createMirrorings, type Mirrorings } from '../../../src/registry/mirroring/mirrorings.ts'
import { NO_AUDIT } from '../../fixtures/no-audit.ts'
import { ALL } from '../../fixtures/test-domain.ts'
import { openWorld, type World } from '../world.ts'
import { FakeDestinations, FakeSource } from './fake-registries.ts'

/** Mirrorings over a real database and blob store, from and to registries in memory. */
export interface MirroringWorld extends AsyncDisposable {
  readonly world: World
  readonly source: FakeSource
  readonly destinations: FakeDestinations
  mirrorings: Mirrorings
  viewer: Viewer
  /** Stops the mirrorings as a stop of the server does, and starts them again. */
  restart(): Promise<void>
}

export async function openMirroringWorld(): Promise<MirroringWorld> {
  const world = await openWorld()
  const source = new FakeSource()
  const destinations = new FakeDestinations()
  const open = () =>
    createMirrorings({
      ...world,
      db: world.domain.db,
      audit: NO_AUDIT,
      fetching: {
        store: async () => {},
        begin: () => {
          throw new Error('nothing is fetched for a destination in another registry')
        },
      },
      streams: {
        recordPush: () => {},
        exists: ({ namespace, name }) => world.domain.streams.byName(SYSTEM, namespace, name) !== undefined,
      },
      sources: source,
      destinations,
      viewerOf: () => result.viewer,
      checkVersion: () => {},
      sleep: async () => {},
      now: () => world.domain.time,
      onInternalError: (error) => {
        throw error
      },
    })
  const result: MirroringWorld = {
    world,
    source,
    destinations,
    mirrorings: open(),
    viewer: SYSTEM,
    async restart() {
      await result.mirrorings[Symbol.asyncDispose]()
      result.mirrorings = open()
      result.mirrorings.resume()
    },
    async [Symbol.asyncDispose]() {
      await result.mirrorings[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    },
  }
  return result
}

/** Returns a request to copy one image to a repository of another registry, with the tag. */
export function toRegistry(
  source: string,
  to: string,
  more: Partial<MirroringRequest> = {},
): MirroringRequest {
  const { registry, repository, tag } = parseReference(to)
  return {
    namespace: 'team',
    destination: { registry, repository },
    images: { source: parseReference(source), tag },
    platforms: [],
    includeReferrers: false,
    insecure: false,
    resourceVersion: null,
    ...more,
  }
}

/** Returns the tags of a repository, or of a stream `namespace/name`, that match the pattern. */
export function tagsOf(place: string, pattern: string): MirroringRequest['images'] {
  const { registry, repository } = parseReference(place)
  const stream = place.startsWith('stream:') ? repositoryNameOf(place.slice('stream:'.length)) : undefined
  return { of: stream ?? { registry, repository }, pattern }
}

export const tag = (name: string): TagName => name as TagName

/** Runs a mirroring to its end. Returns it, and the outcome of each tag. */
export async function mirrored(
  { mirrorings, viewer }: MirroringWorld,
  request: MirroringRequest,
): Promise<ImageMirroring & { readonly outcomes: readonly MirroredTag[] }> {
  const done = await mirrorings.wait(mirrorings.request(viewer, request), 60)
  if (!done) throw new Error('the mirroring does not exist')
  return { ...done, outcomes: mirrorings.tagPage(done, undefined, ALL) }
}
