import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image, layer } from '../fixtures/random-image.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { repeats, seedOf } from '../fixtures/seed.ts'
import { buildServer } from '../fixtures/server-process.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { pushLog } from '../flows/operations.ts'
import { ended, inputOf, MIRROR_IMAGE, type Mirroring } from '../graphql/mirroring/mirror.ts'

const KILLS = repeats(3, 10, 20)
const MIRRORINGS = 4

const images = Array.from({ length: MIRRORINGS }, (_, at) =>
  image({ seed: at, layers: [layer('base'), layer(`a${at}`), layer(`b${at}`)] }),
)

test(`mirrorings that were acknowledged finish, each tag with a whole image and one push, while the server is killed ${KILLS} times`, async () => {
  const random = randomNumbers(seedOf('mirroring crash'))
  const dataFolder = await mkdtemp(join(tmpdir(), 'imagestreams-mirroring-crash-'))
  await using upstream = await startUpstream()
  for (const [at, one] of images.entries()) upstream.push('team/app', `v${at}`, one)
  const build = await buildServer()
  const ids: string[] = []
  for (let kills = 0; kills < KILLS; kills++) {
    // the server is killed when it has requested so many more blobs
    const gate = upstream.hold(({ kind }) => kind === 'blob')
    await using server = await build.start({ DATA: dataFolder })
    if (kills === 0) {
      await using client = connect(server.url)
      for (const at of images.keys()) {
        const input = inputOf(`${upstream.host}/team/app:v${at}`, { tag: `v${at}`, waitSeconds: 0 })
        const { mirrorImage } = await client.request<{ mirrorImage: { imageMirroring: Mirroring } }>(
          MIRROR_IMAGE,
          { input },
        )
        ids.push(mirrorImage.imageMirroring.id)
      }
    }
    const requests = Math.floor(random() * 3)
    for (let at = 1; at <= requests; at++) {
      await gate.arrived(at)
      gate.release(1)
    }
    await gate.arrived(requests + 1)
    server.kill('SIGKILL')
    expect(await server.ended).toMatchObject({ end: 'SIGKILL' })
    gate.open()
  }

  await using app = await startApp({ dataFolder })
  for (const id of ids) expect(await ended(app, id)).toMatchObject({ state: 'SUCCEEDED' })
  const client = new PushClient(app.app.url)
  for (const [at, one] of images.entries()) {
    expect(await client.has({ repository: 'shop/web', tag: `v${at}` }, one)).toBe(true)
    for (const { digest } of [one.config, ...one.layers])
      expect(await client.hasBlob('shop/web', digest)).toBe(true)
  }
  expect((await pushLog(app.client)).map(({ tag }) => tag).sort()).toEqual(images.map((_, at) => `v${at}`))
  await rm(dataFolder, { recursive: true, force: true, maxRetries: 5 })
})
