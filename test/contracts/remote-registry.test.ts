import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RegistryRepository } from '../../src/remote/content/registry-repository.ts'
import { image, index } from '../fixtures/random-image.ts'
import { allTags, refusalOf, TestClient, tag } from '../fixtures/registry-client.ts'
import { REGISTRIES, type RunningRegistry } from './registries.ts'

// The contract of the registry client, checked against each registry that can run here.

const REPOSITORY = 'team/app'
const app = image({ seed: 'app' })
const arm = image({ seed: 'arm', platform: { os: 'linux', architecture: 'arm64' } })
const both = index([app, arm])
const TAGS = { one: app, two: app, both, 'v1.0': arm, latest: both }

describe.each(REGISTRIES)('$name', ({ missing, pages: answersInPages, start }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'runs', () => {
    let registry: RunningRegistry
    let client: TestClient
    let repository: RegistryRepository

    beforeAll(async () => {
      registry = await start()
      for (const [name, content] of Object.entries(TAGS)) await registry.push(REPOSITORY, name, content)
      // small pages, so that a tag list has several
      client = new TestClient({ limits: { pageSize: 2 }, ...registry.client })
      repository = client.repository(`${registry.host}/${REPOSITORY}`)
    })
    afterAll(async () => {
      await client[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
    })

    test('lists every tag once, page by page', async () => {
      const pages: (readonly string[])[] = []
      for await (const { names } of repository.listTags()) pages.push(names)

      expect(pages.flat().sort()).toEqual(Object.keys(TAGS).sort())
      expect(pages.length > 1).toBe(answersInPages)
    })

    test.each(Object.entries(TAGS))('resolves the tag %s to its digest alone', async (name, { digest }) => {
      expect(await repository.resolveTag(tag(name), null)).toEqual({ digest })
    })

    test('resolves a tag regardless of its last known digest', async () => {
      expect(await repository.resolveTag(tag('both'), both.digest)).toEqual({ digest: both.digest })
      expect(await repository.resolveTag(tag('one'), both.digest)).toEqual({ digest: app.digest })
    })

    test('resolves a moved tag to its new digest', async () => {
      await registry.push('team/moving', 'latest', app)
      const moving = client.repository(`${registry.host}/team/moving`)
      expect(await moving.resolveTag(tag('latest'), null)).toEqual({ digest: app.digest })

      await registry.push('team/moving', 'latest', arm)

      expect(await moving.resolveTag(tag('latest'), app.digest)).toEqual({ digest: arm.digest })
    })

    test.each([
      ['an image', app],
      ['an index', both],
      ['an image of an index', arm],
    ])('gives the exact bytes of the manifest of %s', async (_what, { digest, bytes, mediaType }) => {
      const manifest = await repository.fetchManifest(digest)

      expect(Buffer.from(manifest.bytes).equals(bytes)).toBe(true)
      expect(manifest).toMatchObject({ digest, contentType: mediaType })
    })

    test('returns the exact bytes of a config and of a layer', async () => {
      const { config, layers } = app
      const [layer] = layers
      const descriptor = { ...config, size: config.bytes.length, annotations: {} }

      expect(Buffer.from(await repository.fetchConfig(descriptor)).equals(config.bytes)).toBe(true)
      if (!layer) throw new Error('the image has no layer')
      const blob = await repository.fetchBlob({ digest: layer.digest, size: layer.bytes.length })
      expect((await buffer(blob)).equals(layer.bytes)).toBe(true)
    })

    test('is NotFound for an unknown tag, digest and repository', async () => {
      const nowhere = client.repository(`${registry.host}/team/none`)
      const refused = await Promise.all([
        refusalOf(repository.resolveTag(tag('nope'), null)),
        refusalOf(repository.fetchManifest(image({ seed: 'never pushed' }).digest)),
        refusalOf(allTags(nowhere)),
        refusalOf(nowhere.resolveTag(tag('latest'), null)),
      ])

      expect(refused.map(({ reason }) => reason)).toEqual(Array(4).fill('NotFound'))
    })

    test('causes no warnings', () => {
      expect(client.warnings).toEqual([])
    })
  })
})
