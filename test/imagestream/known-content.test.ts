import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRightSets } from '../../src/access/right/right-sets.ts'
import { SYSTEM, type Viewer } from '../../src/access/right/viewer.ts'
import type { ImportMode } from '../../src/imagestream/image/fetch-image.ts'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { type Image, type Index, image, index } from '../fixtures/random-image.ts'
import { ALL, fromImage, TestDomain } from '../fixtures/test-domain.ts'

let domain: TestDomain
let rightSets: ReturnType<typeof createRightSets>
beforeEach(() => {
  domain = new TestDomain()
  rightSets = createRightSets(domain.db)
})
afterEach(() => domain[Symbol.asyncDispose]())

const SECRET = 'private.test/secret'
const EVIL = 'evil.test/anything'

const child = image({ seed: 'child', env: ['PASSWORD=secret'] })
const other = image({ seed: 'other', platform: { os: 'linux', architecture: 'arm64' } })
const secret = index([child, other])
const shared = image({ seed: 'shared' })

/** Imports a tag into a stream; returns the state of the import. */
async function importInto(
  place: string,
  { from, importMode = 'PreserveOriginal' }: { readonly from: string; readonly importMode?: ImportMode },
): Promise<string | undefined> {
  const [namespace = '', name = ''] = place.split('/')
  const importPolicy = { insecure: false, scheduled: false, importMode }
  const tags = [fromImage('latest', from, { importPolicy })]
  const { importId } = domain.writer.create(SYSTEM, { namespace, name, spec: { tags } })
  return importId === null ? undefined : (await domain.finished(importId)).state
}

const viewerOf = (...places: readonly string[]): Viewer => ({
  ...SYSTEM,
  id: 'user:1',
  rights: rightSets.rightsOf(
    places.map((place) => {
      const [namespace = '', streams = '*'] = place.split('/')
      return { role: 'VIEWER', namespace, streams }
    }),
  ),
})
const sees = (viewer: Viewer, { digest }: Image | Index): boolean =>
  domain.images.byDigest(viewer, digest as Digest) !== undefined
const newest = { order: 'NEWEST_FIRST', page: ALL } as const
const listed = async (viewer: Viewer): Promise<string[]> =>
  (await domain.imageList.page(viewer, newest)).map(({ digest }) => digest)

describe('an image', () => {
  beforeEach(async () => {
    domain.remote.push(SECRET, 'latest', secret)
    await importInto('team/secret', { from: SECRET })
    domain.remote.push('public.test/shared', 'latest', shared)
    await importInto('team/app', { from: 'public.test/shared' })
    await importInto('mine/app', { from: 'public.test/shared' })
  })

  it('is visible through the history of a visible stream, with the images of its index', async () => {
    const [team, app, mine] = [viewerOf('team'), viewerOf('team/app'), viewerOf('mine')]
    expect([secret, child, other, shared].map((one) => sees(team, one))).toEqual([true, true, true, true])
    for (const viewer of [app, mine])
      expect([secret, child, other, shared].map((one) => sees(viewer, one))).toEqual([
        false,
        false,
        false,
        true,
      ])
    expect(sees(viewerOf(), shared)).toBe(false)
    expect(await listed(team)).toEqual(expect.arrayContaining([secret.digest, child.digest, shared.digest]))
    expect(await listed(mine)).toEqual([shared.digest])
    expect(await domain.imageList.count(mine, {})).toBe(1)
    expect(await domain.imageList.count(mine, { digest: secret.digest })).toBe(0)
  })

  it('is not found among the images of a stream that is not visible, also if it is visible elsewhere', async () => {
    const mine = viewerOf('mine')
    expect(await domain.imageList.page(mine, { ...newest, namespace: 'team' })).toEqual([])
    expect(await domain.imageList.count(mine, { namespace: 'team', stream: 'app' })).toBe(0)
    expect(await domain.imageList.count(mine, { namespace: 'mine' })).toBe(1)
  })

  it('has the tags, the history and the pull spec of visible streams alone', () => {
    const id = domain.images.byDigest(SYSTEM, shared.digest as Digest)?.id ?? 0
    for (const [viewer, count] of [
      [SYSTEM, 2],
      [viewerOf('team'), 1],
      [viewerOf('team', 'mine'), 2],
      [viewerOf('other'), 0],
    ] as const) {
      expect(domain.tags.ofImages(viewer, [id], ALL)).toHaveLength(count)
      expect(domain.tags.countOfImages(viewer, [id]).get(id) ?? 0).toBe(count)
      expect(domain.lookBack.eventsOfImages(viewer, [id], ALL)).toHaveLength(count)
      expect(domain.lookBack.countEventsOfImages(viewer, [id]).get(id) ?? 0).toBe(count)
    }
  })

  it('has the place where its viewer sees it, not the one where another namespace found it last', async () => {
    domain.remote.push('mirror.test/shared', 'latest', shared)
    await importInto('secretive/app', { from: 'mirror.test/shared' })
    const id = domain.images.byDigest(SYSTEM, shared.digest as Digest)?.id ?? 0
    const mine = viewerOf('mine')

    expect(domain.images.byDigest(SYSTEM, shared.digest as Digest)?.dockerImageReference).toContain(
      'mirror.test',
    )
    expect(domain.images.places(mine, [id]).get(id)).toMatchObject({
      pullSpec: `public.test/shared@${shared.digest}`,
    })
    expect(await domain.imageList.count(mine, { registry: 'mirror.test' })).toBe(0)
    expect(await domain.imageList.count(mine, { registry: 'public.test' })).toBe(1)
    expect(await domain.imageList.count(viewerOf('secretive'), { registry: 'mirror.test' })).toBe(1)
  })
})

describe('known content is not permission', () => {
  beforeEach(async () => {
    domain.remote.push(SECRET, 'latest', secret)
    await importInto('team/secret', { from: SECRET })
    domain.remote.takeCalls()
  })

  it.each<[string, string]>([
    ['a tag', `${EVIL}:latest`],
    ['its digest', `${EVIL}@${secret.digest}`],
  ])(
    'an image of another namespace is not imported from a registry that only confirms it by %s',
    async (_, from) => {
      domain.remote.push(EVIL, 'latest', secret)
      domain.remote.lose(EVIL, secret.digest)

      expect(await importInto('mine/app', { from })).toBe('FAILED')
      expect(sees(viewerOf('mine'), secret)).toBe(false)
    },
  )

  it('an index that lists the images of another namespace does not show them', async () => {
    const own = image({ seed: 'own' })
    const made = index([own, other])
    domain.remote.push(EVIL, 'latest', made)
    domain.remote.lose(EVIL, other.digest)

    expect(await importInto('mine/app', { from: EVIL })).toBe('SUCCEEDED')
    const mine = viewerOf('mine')
    expect([made, own, other].map((one) => sees(mine, one))).toEqual([true, true, false])
    // its size would tell that the server has the image
    expect(domain.images.byDigest(mine, made.digest as Digest)?.size).toBeNull()
  })

  it('an image with the config of another namespace’s image is imported only with the config', async () => {
    domain.remote.push(EVIL, 'latest', withConfig(child))
    domain.remote.fail(EVIL, child.config.digest, 'NotFound')

    expect(await importInto('mine/app', { from: EVIL })).toBe('FAILED')
    expect(domain.remote.requested('config')).toContain(child.config.digest)
  })

  it('an image that a registry has is fetched again for another namespace, and once for each', async () => {
    domain.remote.push('public.test/copy', 'latest', secret)
    await importInto('mine/app', { from: 'public.test/copy' })
    expect(domain.remote.requested('manifest')).toEqual([secret.digest, child.digest, other.digest])
    expect(sees(viewerOf('mine'), child)).toBe(true)
    domain.remote.takeCalls()

    await importInto('mine/again', { from: 'public.test/copy' })
    expect(domain.remote.requested('manifest')).toEqual([])
    expect(domain.remote.requested('config')).toEqual([])
  })
})

/** Returns another image with the config of this one: with other layers. */
const withConfig = ({ config }: Image): Image => {
  const made = image({ seed: 'made' })
  const document = JSON.parse(String(made.bytes)) as { config: object }
  const size = config.bytes.length
  const bytes = Buffer.from(
    JSON.stringify({ ...document, config: { ...document.config, digest: config.digest, size } }),
  )
  return { ...made, bytes, digest: digestOf(bytes), config }
}
