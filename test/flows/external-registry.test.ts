import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Config } from '../../src/app/config.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { available, type DockerRegistry, startDockerRegistry } from '../fixtures/docker-registry.ts'
import { connect, type GraphQLClient } from '../fixtures/graphql-client.ts'
import { closedPort } from '../fixtures/hostile-registry.ts'
import { type Image, type Index, image, index } from '../fixtures/random-image.ts'
import { repeats } from '../fixtures/seed.ts'
import { buildServer } from '../fixtures/server-process.ts'
import { Follower } from './follower.ts'
import { type Push, pushLog } from './operations.ts'

const missing = available()
const SECRET = 'a secret that only this test uses'

const KILLS = repeats(3, 10)

const [one, two, three] = [image({ seed: 1 }), image({ seed: 2 }), image({ seed: 3 })]
const multi = index([
  image({ seed: 4 }),
  image({ seed: 5, platform: { os: 'linux', architecture: 'arm64' } }),
])

let port: number
let registry: DockerRegistry
beforeEach(async () => {
  // each of the two must know the other's address before it starts
  port = Number((await closedPort()).split(':').at(-1))
  const url = `http://127.0.0.1:${port}/webhooks/registry`
  registry = await startDockerRegistry('open', { deletable: true, notifications: { url, secret: SECRET } })
})
afterEach(() => registry[Symbol.asyncDispose]())

const start = (changes: Partial<Config> = {}): Promise<TestApp> =>
  startApp({ port, externalRegistry: new URL(registry.url), webhookSecret: SECRET, ...changes })

const nameOf = ({ imageStreamName, tag, image }: Push): string => `${imageStreamName}:${tag} ${image.digest}`
const log = async (client: GraphQLClient): Promise<string[]> => (await pushLog(client)).map(nameOf)
const entries = (name: string, ...contents: readonly (Image | Index)[]): string[] =>
  contents.map(({ digest }) => `${name} ${digest}`)

/** Digest and pull spec of each tag of a stream; undefined without the stream. */
async function tagsOf(client: GraphQLClient, namespace: string, name: string) {
  const { imageStream } = await client.request<{
    imageStream: {
      tags: { nodes: { tag: string; image: { digest: string; dockerImageReference: string } }[] }
    } | null
  }>(
    `query ($namespace: String!, $name: String!) { imageStream(namespace: $namespace, name: $name) {
      tags { nodes { tag image { digest dockerImageReference } } } } }`,
    { namespace, name },
  )
  return imageStream?.tags.nodes.map(({ tag, image }) => [tag, image.digest, image.dockerImageReference])
}

describe.skipIf(missing !== undefined)(
  `docker-registry in place of the integrated registry${missing ? `: ${missing}` : ''}`,
  () => {
    test('creates a stream by a push, and subscribers receive each push in order', async () => {
      await using app = await start()
      using follower = await Follower.start(app.app.url, { namespace: 'shop' })

      await registry.push('shop/web', 'v1', one)
      await registry.push('shop/web', 'v1', two)
      await registry.push('shop/web', 'v2', multi)
      const pushes = await follower.take(3)

      expect(pushes.map(nameOf)).toEqual([...entries('web:v1', one, two), ...entries('web:v2', multi)])
      expect(pushes.map(({ previousImage }) => previousImage?.digest)).toEqual([
        undefined,
        one.digest,
        undefined,
      ])
      const reference = (of: Image | Index) => `${registry.host}/shop/web@${of.digest}`
      expect(await tagsOf(app.client, 'shop', 'web')).toEqual([
        ['v1', two.digest, reference(two)],
        ['v2', multi.digest, reference(multi)],
      ])
      const { imageByDigest } = await app.client.request<Record<string, unknown>>(
        `query ($digest: Digest!) { imageByDigest: image(digest: $digest) { digest } }`,
        { digest: multi.manifests[1]?.digest },
      )
      expect(imageByDigest).toEqual({ digest: multi.manifests[1]?.digest })
    })

    test('records a nested repository as the stream below its first component, by its notification', async () => {
      const reference = (path: string) => `${registry.host}/${path}@${one.digest}`
      await using app = await start()
      using follower = await Follower.start(app.app.url, { namespace: 'shop' })
      await registry.push('shop/sub/my_web', 'v1', one)

      expect((await follower.take(1)).map(nameOf)).toEqual(entries('sub/my_web:v1', one))
      expect(await tagsOf(app.client, 'shop', 'sub/my_web')).toEqual([
        ['v1', one.digest, reference('shop/sub/my_web')],
      ])
    })

    test('removes every tag of an image that is deleted', async () => {
      await using app = await start()
      using follower = await Follower.start(app.app.url)
      await registry.push('web', 'v1', one)
      await registry.push('web', 'same', one)
      await registry.push('web', 'v2', two)
      await follower.take(3)

      await registry.delete('web', 'v1')

      await expect
        .poll(async () => (await tagsOf(app.client, 'default', 'web'))?.map(([tag]) => tag))
        .toEqual(['v2'])
    })

    test("finds the registry's images even if its notifications have a wrong secret", async () => {
      await using app = await start({ webhookSecret: 'another secret than the registry shows' })
      await registry.push('shop/web', 'v1', one)
      await registry.push('shop/web', 'v1', two)
      expect(await log(app.client)).toEqual([])

      await expect.poll(() => log(app.client)).toEqual(entries('web:v1', two))
    })

    test('delivers each push once and in order to a server that is killed repeatedly', async () => {
      const dataFolder = mkdtempSync(join(tmpdir(), 'imagestreams-external-'))
      const build = await buildServer()
      const settings = {
        DATA: dataFolder,
        PORT: String(port),
        EXTERNAL_REGISTRY: registry.url,
        WEBHOOK_SECRET: SECRET,
      }
      let kills = 0
      const contents: Image[] = []
      const pushing = (async () => {
        while (kills < KILLS) {
          const content = image({ seed: `kill-${contents.length}` })
          contents.push(content)
          await registry.push('shop/web', 'v1', content)
        }
      })()

      // killed as soon as it has recorded more pushes than before the previous kill
      for (let recorded = 0; kills < KILLS; kills++) {
        await using server = await build.start(settings)
        await using client = connect(server.url)
        await expect.poll(async () => (await log(client)).length).toBeGreaterThan(recorded)
        recorded = (await log(client)).length
        server.kill('SIGKILL')
        await server.ended
      }
      await pushing

      await using app = await start({ dataFolder })
      await expect.poll(() => log(app.client)).toEqual(entries('web:v1', ...contents))
      expect((await pushLog(app.client)).map(({ previousImage }) => previousImage?.digest)).toEqual([
        undefined,
        ...contents.slice(0, -1).map(({ digest }) => digest),
      ])
      rmSync(dataFolder, { recursive: true, force: true, maxRetries: 5 })
    })

    test('finds the changes of a time in which the server did not run', async () => {
      const dataFolder = mkdtempSync(join(tmpdir(), 'imagestreams-external-'))
      {
        await using app = await start({ dataFolder })
        using follower = await Follower.start(app.app.url)
        await registry.push('shop/web', 'v1', one)
        await registry.push('shop/web', 'old', one)
        await follower.take(2)
      }
      await registry.push('shop/web', 'v1', two)
      await registry.push('shop/web', 'v1', three)
      await registry.push('shop/new', 'v1', multi)
      await registry.delete('shop/web', 'old')

      await using app = await start({ dataFolder })

      await expect
        .poll(() => tagsOf(app.client, 'shop', 'web'))
        .toMatchObject([['v1', three.digest, expect.anything()]])
      await expect.poll(() => tagsOf(app.client, 'shop', 'new')).toHaveLength(1)
      const pushes = await log(app.client)
      expect(pushes.filter((push) => push.startsWith('web:v1'))).toEqual(entries('web:v1', one, two, three))
      expect(pushes.filter((push) => push.startsWith('new'))).toEqual(entries('new:v1', multi))
      rmSync(dataFolder, { recursive: true, force: true, maxRetries: 5 })
    })
  },
)
