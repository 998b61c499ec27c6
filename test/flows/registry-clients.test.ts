import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { bytesByDigest, readLayout } from '../fixtures/oci-layout.ts'
import { missingPrograms } from '../fixtures/programs.ts'
import { attestation, type Image, image, index, layer } from '../fixtures/random-image.ts'
import { Shelf, skopeo } from '../fixtures/skopeo.ts'
import { history, pushLog, tagDigests } from './operations.ts'
import { RegistryFeed } from './registry-feed.ts'

const missing = missingPrograms('skopeo')

const web = image({ seed: 'web', layers: [layer('base'), layer('web')], entrypoint: ['/bin/web'] })
const arm = image({ seed: 'web for arm', platform: { os: 'linux', architecture: 'arm64' } })
const multi = index([web, arm, attestation(web)])

const sizeOf = ({ bytes, config, layers }: Image): number =>
  [config, ...layers].reduce((sum, part) => sum + part.bytes.length, bytes.length)

/** `host:port`, the registry's name for skopeo. */
const hostOf = ({ app }: TestApp): string => new URL(app.url).host

const push = (app: TestApp, from: string, to: string, ...options: readonly string[]): Promise<string> =>
  skopeo('copy', '--dest-tls-verify=false', ...options, from, `docker://${hostOf(app)}/${to}`)
const pull = (app: TestApp, from: string, to: string): Promise<string> =>
  skopeo('copy', '--src-tls-verify=false', '--all', `docker://${hostOf(app)}/${from}`, to)
const inspect = async (app: TestApp, repository: string): Promise<Record<string, unknown>> =>
  JSON.parse(await skopeo('inspect', '--tls-verify=false', `docker://${hostOf(app)}/${repository}`))
const listTags = async (app: TestApp, repository: string): Promise<readonly string[]> => {
  const listed = await skopeo('list-tags', '--tls-verify=false', `docker://${hostOf(app)}/${repository}`)
  return JSON.parse(listed).Tags
}

describe.skipIf(missing !== undefined)(`skopeo${missing ? `: ${missing}` : ''}`, () => {
  test('creates repository and stream with its first push, and subscribers receive the image when it ends', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    using feed = await RegistryFeed.start(app.app.url)

    await push(app, await shelf.put('web', web), 'shop/web:v1')

    expect(await feed.pushes()).toMatchObject([
      {
        namespace: 'shop',
        imageStreamName: 'web',
        tag: 'v1',
        source: 'REGISTRY',
        previousImage: null,
        image: {
          digest: web.digest,
          mediaType: web.mediaType,
          platform: { os: 'linux', architecture: 'amd64' },
          config: {
            env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'SEED=web'],
            entrypoint: ['/bin/web'],
            labels: [{ key: 'test.seed', value: 'web' }],
          },
          layers: web.layers.map(({ digest }) => ({ digest })),
          size: sizeOf(web),
        },
      },
    ])
    // the reported pull spec can be pulled
    const [pushed] = await feed.pushes()
    await skopeo('inspect', '--tls-verify=false', `docker://${pushed?.dockerImageReference}`)
  })

  test('causes one event per push, in order, and none if the tag already points to the image', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    using feed = await RegistryFeed.start(app.app.url)
    const [first, second] = [await shelf.put('web', web), await shelf.put('arm', arm)]

    await push(app, first, 'shop/web:v1')
    await push(app, first, 'shop/web:v1')
    await push(app, second, 'shop/web:v1')
    await push(app, first, 'shop/web:v2')

    const pushes = await feed.pushes()
    expect(pushes.map(({ tag, image, previousImage }) => [tag, image.digest, previousImage?.digest])).toEqual(
      [
        ['v1', web.digest, undefined],
        ['v1', arm.digest, web.digest],
        ['v2', web.digest, undefined],
      ],
    )
    expect(await pushLog(app.client)).toHaveLength(3)
  })

  test('pulls the bytes that it pushed, of an image and of an index with an attestation, also after a restart', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    await push(app, await shelf.put('web', web), 'shop/web:one')
    await push(app, await shelf.put('multi', multi), 'shop/web:multi', '--all')

    for (const name of ['before', 'after']) {
      await pull(app, 'shop/web:one', `oci:${shelf.path(`${name}-one`)}`)
      await pull(app, 'shop/web:multi', `oci:${shelf.path(`${name}-multi`)}`)
      expect(await readLayout(shelf.path(`${name}-one`))).toEqual(bytesByDigest(web))
      expect(await readLayout(shelf.path(`${name}-multi`))).toEqual(bytesByDigest(multi))
      await app.restart()
    }
  })

  test('causes one event by pushing an index, whose image has a manifest per platform', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    using feed = await RegistryFeed.start(app.app.url)

    await push(app, await shelf.put('multi', multi), 'shop/web:v1', '--all')

    expect(await feed.pushes()).toMatchObject([
      {
        tag: 'v1',
        image: {
          digest: multi.digest,
          platform: null,
          config: null,
          entries: [
            { digest: web.digest, platform: { architecture: 'amd64' } },
            { digest: arm.digest, platform: { architecture: 'arm64' } },
            { platform: { architecture: 'unknown' } },
          ],
        },
      },
    ])
  })

  test('converts an image to Docker schema 2 during the push', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    using feed = await RegistryFeed.start(app.app.url)

    await push(app, await shelf.put('web', web), 'shop/web:docker', '--format', 'v2s2')

    const raw = await skopeo(
      ...(['inspect', '--raw', '--tls-verify=false', `docker://${hostOf(app)}/shop/web:docker`] as const),
    )
    expect(await feed.pushes()).toMatchObject([
      {
        image: {
          digest: digestOf(raw),
          mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
          config: { entrypoint: ['/bin/web'] },
        },
      },
    ])
    await pull(app, 'shop/web:docker', `dir:${shelf.path('back')}`)
  })

  test('inspects an image and lists its tags; a name without a namespace is a stream of the default namespace', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    const from = await shelf.put('web', web)
    for (const tag of ['v2', 'V1', 'v10']) await push(app, from, `app:${tag}`)

    expect(await inspect(app, 'app:v2')).toMatchObject({
      Digest: web.digest,
      RepoTags: ['V1', 'v10', 'v2'],
      Architecture: 'amd64',
      Layers: web.layers.map(({ digest }) => digest),
      Labels: { 'test.seed': 'web' },
    })
    expect(await inspect(app, 'default/app:v2')).toMatchObject({ Digest: web.digest })
    expect(await listTags(app, 'app')).toEqual(['V1', 'v10', 'v2'])
    expect((await tagDigests(app.client)).get('v10')).toBe(web.digest)
  })

  test('deletes an image with every tag that points to it, also in the stream', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    const [first, second] = [await shelf.put('web', web), await shelf.put('arm', arm)]
    await push(app, first, 'app:v1')
    await push(app, first, 'app:stable')
    await push(app, second, 'app:v2')

    await skopeo('delete', '--tls-verify=false', `docker://${hostOf(app)}/app:v1`)

    expect(await listTags(app, 'app')).toEqual(['v2'])
    expect([...(await tagDigests(app.client))]).toEqual([['v2', arm.digest]])
    expect(await history(app.client, 'app:stable')).toEqual([])
    await expect(inspect(app, 'app:stable')).rejects.toThrow('manifest unknown')
    await expect(inspect(app, `app@${web.digest}`)).rejects.toThrow('manifest unknown')
  })

  test('pulls a promoted image under the name of its stream, also after the other stream was deleted and garbage was collected', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    await push(app, await shelf.put('multi', multi), 'a/x:v1', '--all')
    const promoted = await app.client.request<{
      tagImage: { imageStreamTag: { dockerImageReference: string } }
    }>(`mutation { tagImage(input: { namespace: "b", imageStream: "y", tag: "prod",
      from: { kind: IMAGE_STREAM_TAG, namespace: "a", name: "x:v1" } }) { imageStreamTag { dockerImageReference } } }`)
    const { dockerImageReference } = promoted.tagImage.imageStreamTag
    expect(dockerImageReference).toBe(`localhost:${new URL(app.app.url).port}/b/y@${multi.digest}`)
    await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${dockerImageReference}`)

    await app.client.request(
      'mutation { deleteImageStream(input: { namespace: "a", imageStream: "x" }) { deletedId } }',
    )
    await app.client.request(
      'mutation { collectGarbage(input: { dryRun: false }) { garbageCollection { message } } }',
    )

    expect(await listTags(app, 'b/y')).toEqual(['prod'])
    for (const [at, reference] of ['b/y:prod', `b/y@${multi.digest}`].entries()) {
      const folder = shelf.path(`back-${at}`)
      await pull(app, reference, `oci:${folder}`)
      expect(await bytesByDigest(multi)).toEqual(await readLayout(folder))
    }
    await expect(inspect(app, 'a/x:v1')).rejects.toThrow('manifest unknown')
  })

  test('syncs a whole repository to another namespace and to a folder', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    await push(app, await shelf.put('web', web), 'shop/web:v1')
    await push(app, await shelf.put('arm', arm), 'shop/web:v2')
    using feed = await RegistryFeed.start(app.app.url)
    const [from, to] = [`${hostOf(app)}/shop/web`, `${hostOf(app)}/mirror`]

    await skopeo(
      'sync',
      ...['--src-tls-verify=false', '--src', 'docker', '--dest-tls-verify=false', '--dest', 'docker'],
      ...[from, to],
    )
    await skopeo(
      'sync',
      '--src-tls-verify=false',
      '--src',
      'docker',
      '--dest',
      'dir',
      from,
      shelf.path('web'),
    )

    expect(await listTags(app, 'mirror/web')).toEqual(['v1', 'v2'])
    const pushes = await feed.pushes()
    expect(pushes.map(({ namespace, tag, image }) => [namespace, tag, image.digest]).sort()).toEqual([
      ['mirror', 'v1', web.digest],
      ['mirror', 'v2', arm.digest],
    ])
    const synced = `dir:${shelf.path('web')}/web:v1`
    expect(digestOf(await skopeo('inspect', '--raw', synced))).toBe(web.digest)
  })

  test.each([
    ['team/sub/app', 'team', 'sub/app'],
    ['team/app/cache', 'team', 'app/cache'],
    ['my_team/my__app', 'my_team', 'my__app'],
    ['charts/stable/web-1.2', 'charts', 'stable/web-1.2'],
    ['group/subgroup/project/image/debug', 'group', 'subgroup/project/image/debug'],
  ])(
    'pushes and pulls the nested name %s, whose first component is the namespace',
    async (path, namespace, name) => {
      await using app = await startApp()
      await using shelf = await Shelf.open()
      using feed = await RegistryFeed.start(app.app.url)

      await push(app, await shelf.put('web', web), `${path}:v1`)

      const [pushed] = await feed.pushes()
      expect(pushed).toMatchObject({ namespace, imageStreamName: name, tag: 'v1' })
      expect(await listTags(app, path)).toEqual(['v1'])
      await pull(app, `${path}:v1`, `oci:${shelf.path('pulled')}`)
      expect(await readLayout(shelf.path('pulled'))).toEqual(bytesByDigest(web))
      await skopeo('inspect', '--tls-verify=false', `docker://${pushed?.dockerImageReference}`)
    },
  )

  test('copies an image from a nested repository to another one', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    const from = await shelf.put('web', web)
    await push(app, from, 'team/sub/app:v1')
    await skopeo(
      'copy',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      `docker://${hostOf(app)}/team/sub/app:v1`,
      `docker://${hostOf(app)}/other/deep/er/app:v1`,
    )

    const found = await app.client.request(
      '{ imageStreamTag(namespace: "other", name: "deep/er/app:v1") { image { digest } } }',
    )
    expect(found).toEqual({ imageStreamTag: { image: { digest: web.digest } } })
  })
})
