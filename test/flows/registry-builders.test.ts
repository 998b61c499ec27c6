import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { DOCKER_LIST, OCI_INDEX } from '../../src/oci/media-types.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { cannotBuild, ImageStorage, type Recipe } from '../fixtures/buildah.ts'
import { seededBytes } from '../fixtures/seed.ts'
import { Shelf } from '../fixtures/skopeo.ts'
import { RegistryFeed } from './registry-feed.ts'

const reason = cannotBuild()

const SOURCE = fileURLToPath(new URL('../../src', import.meta.url))
/** Larger than one read or write of any program involved. */
const LARGE = 5_000_000

const hostOf = ({ app }: TestApp): string => new URL(app.url).host

/** Returns a recipe with a layer of many small files below one of a large file. */
async function recipeFrom(shelf: Shelf): Promise<{ recipe: Recipe; large: Buffer }> {
  const large = seededBytes('large', LARGE)
  await writeFile(shelf.path('large'), large)
  const layers = [
    { from: SOURCE, to: '/srv/src' },
    { from: shelf.path('large'), to: '/srv/large' },
  ]
  const recipe = { layers, env: ['MODE=built'], labels: ['test.team=blue'], entrypoint: ['/srv/large'] }
  return { recipe, large }
}

interface Usage {
  readonly logicalSize: number
  readonly uniqueSize: number
}

describe.skipIf(reason !== undefined)(`an image built${reason ? `: ${reason}` : ''}`, () => {
  test('by buildah is pushed, reported to subscribers, and pulled elsewhere by podman with all its files', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    await using builder = await ImageStorage.open()
    await using other = await ImageStorage.open()
    const { recipe, large } = await recipeFrom(shelf)
    await builder.build('web', recipe)
    using feed = await RegistryFeed.start(app.app.url)
    const name = `${hostOf(app)}/shop/web:v1`

    await builder.buildah('push', '--quiet', '--tls-verify=false', 'web', `docker://${name}`)
    const pushes = await feed.pushes()
    await other.podman('pull', '--quiet', '--tls-verify=false', name)

    expect(pushes).toMatchObject([
      {
        namespace: 'shop',
        imageStreamName: 'web',
        tag: 'v1',
        source: 'REGISTRY',
        image: {
          platform: { os: 'linux', architecture: 'amd64' },
          config: {
            env: ['MODE=built'],
            entrypoint: ['/srv/large'],
            labels: expect.arrayContaining([{ key: 'test.team', value: 'blue' }]),
          },
          layers: [{}, {}],
        },
      },
    ])
    // random bytes cannot be compressed
    expect(pushes[0]?.image.size).toBeGreaterThan(LARGE)
    const files = await other.files(name)
    expect((await readFile(join(files, 'srv', 'large'))).equals(large)).toBe(true)
    expect((await readdir(join(files, 'srv', 'src'))).sort()).toEqual((await readdir(SOURCE)).sort())
  })

  test('is pushed by podman under another name: its layers exist already, the stream is new', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    await using builder = await ImageStorage.open()
    await using other = await ImageStorage.open()
    await builder.build('web', (await recipeFrom(shelf)).recipe)
    using feed = await RegistryFeed.start(app.app.url)

    for (const to of ['shop/web:v1', 'shop/copy:v1']) {
      await builder.podman('push', '--quiet', '--tls-verify=false', 'web', `docker://${hostOf(app)}/${to}`)
    }

    const [first, second] = await feed.pushes()
    expect([first?.imageStreamName, second?.imageStreamName]).toEqual(['web', 'copy'])
    expect(second?.image.digest).toBe(first?.image.digest)
    const { integratedRegistry } = await app.client.request<{ integratedRegistry: { usage: Usage } }>(
      '{ integratedRegistry { usage { logicalSize uniqueSize } } }',
    )
    expect(integratedRegistry.usage.logicalSize).toBeGreaterThan(2 * LARGE)
    expect(integratedRegistry.usage.uniqueSize).toBeLessThan(2 * LARGE)
    await other.buildah('pull', '--quiet', '--tls-verify=false', `docker://${hostOf(app)}/shop/copy:v1`)
    expect(await other.buildah('images', '--noheading', '--format', '{{.Digest}}')).toContain(
      first?.image.digest,
    )
  })

  test('by buildah keeps its layer cache in a repository below its own, which another machine builds from', async () => {
    await using app = await startApp()
    await using shelf = await Shelf.open()
    const cache = `${hostOf(app)}/team/sub/app/cache`
    await writeFile(shelf.path('Containerfile'), 'FROM scratch\nCOPY one /one\nCOPY two /two\n')
    for (const name of ['one', 'two']) await writeFile(shelf.path(name), name)
    const build = async (): Promise<string> => {
      await using storage = await ImageStorage.open()
      const options = ['--layers', '--cache-to', cache, '--cache-from', cache, '--tls-verify=false']
      const image = `${hostOf(app)}/team/sub/my_app:v1`
      const output = await storage.buildah('bud', ...options, '-t', image, shelf.path('.'))
      await storage.buildah('push', '--quiet', '--tls-verify=false', image)
      return output
    }
    expect(await build()).toContain('Pushing cache')
    expect(await build()).toContain('Cache pulled from remote')

    const { imageStreams } = await app.client.request<{ imageStreams: { nodes: object[] } }>(
      '{ imageStreams(namespace: "team") { nodes { name tags { totalCount } } } }',
    )
    expect(imageStreams.nodes).toMatchObject([{ name: 'sub/app/cache' }, { name: 'sub/my_app' }])
  })

  test.each([
    { format: 'oci', mediaType: OCI_INDEX },
    { format: 'v2s2', mediaType: DOCKER_LIST },
  ])(
    'for several platforms is one push by buildah as $format, and each platform can be pulled',
    async (pushed) => {
      await using app = await startApp()
      await using shelf = await Shelf.open()
      await using builder = await ImageStorage.open()
      await using other = await ImageStorage.open()
      const list = `${hostOf(app)}/shop/web:v1`
      await builder.buildah('manifest', 'create', 'list')
      for (const architecture of ['amd64', 'arm64']) {
        await writeFile(shelf.path(architecture), architecture)
        const layers = [{ from: shelf.path(architecture), to: '/etc/architecture' }]
        await builder.build(architecture, { layers, architecture })
        await builder.buildah('manifest', 'add', '--arch', architecture, 'list', architecture)
      }
      using feed = await RegistryFeed.start(app.app.url)

      await builder.buildah(
        ...['manifest', 'push', '--all', '--format', pushed.format, '--tls-verify=false'],
        ...['list', `docker://${list}`],
      )

      expect(await feed.pushes()).toMatchObject([
        {
          tag: 'v1',
          image: {
            mediaType: pushed.mediaType,
            entries: [{ platform: { architecture: 'amd64' } }, { platform: { architecture: 'arm64' } }],
          },
        },
      ])
      await other.podman('pull', '--quiet', '--tls-verify=false', '--arch', 'arm64', list)
      expect(await readFile(join(await other.files(list), 'etc', 'architecture'), 'utf8')).toBe('arm64')
    },
  )
})
