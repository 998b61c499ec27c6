import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import { startApp } from '../fixtures/app.ts'
import { eventually } from '../fixtures/eventually.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image, layer } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { inputOf, MIRROR_IMAGE } from '../graphql/mirroring/mirror.ts'

const CHECK = `{ storageCheck { isOn quarantinedFileCount
  findings { content digest problem ending neededBy quarantinedFile } } }`

interface Check {
  readonly storageCheck: {
    readonly quarantinedFileCount: number
    readonly findings: readonly { readonly digest: Digest; readonly ending: string | null }[]
  }
}

test('lost content is a 404, fetched again from where its image was mirrored, and replaced by a push', async () => {
  const dataFolder = await mkdtemp(join(tmpdir(), 'imagestreams-lost-'))
  await using upstream = await startUpstream()
  const mirrored = image({ seed: 'mirrored', layers: [layer('mirrored')] })
  const pushed = image({ seed: 'pushed', layers: [layer('pushed')] })
  upstream.push('team/app', 'v1', mirrored)
  await using app = await startApp({ dataFolder })
  const registry = new PushClient(app.app.url)
  const input = inputOf(`${upstream.host}/team/app:v1`, { tag: 'v1' })
  await app.client.request(MIRROR_IMAGE, { input })
  await registry.push({ repository: 'shop/own', tag: 'v1' }, pushed, 'one POST')
  const [fetched, own] = [mirrored.layers[0]?.digest, pushed.layers[0]?.digest] as [Digest, Digest]
  const fileOf = (digest: Digest) => join(dataFolder, 'blobs', 'sha256', digest.slice(7, 9), digest.slice(7))
  await rm(fileOf(fetched))
  await truncate(fileOf(own), 1)
  const check = async () => (await app.client.request<Check>(CHECK)).storageCheck

  expect(await registry.hasBlob('shop/web', fetched)).toBe(false)
  expect(await registry.hasBlob('shop/own', own)).toBe(false)

  await eventually(async () => expect(await registry.hasBlob('shop/web', fetched)).toBe(true))
  await eventually(async () => expect((await check()).quarantinedFileCount).toBe(1))
  await eventually(async () =>
    expect(await check()).toMatchObject({
      isOn: true,
      findings: [
        { digest: own, content: 'BLOB', problem: 'TRUNCATED', ending: null, neededBy: ['shop/own:v1'] },
        { digest: fetched, problem: 'MISSING', ending: 'FETCHED', neededBy: ['shop/web:v1'] },
      ],
    }),
  )
  expect(await readdir(join(dataFolder, 'quarantine'))).toEqual([
    expect.stringMatching(`^${own.replace(':', '-')}-\\d+$`),
  ])

  await registry.push({ repository: 'shop/own', tag: 'v1' }, pushed, 'one POST')
  expect(await registry.hasBlob('shop/own', own)).toBe(true)
  await rm(dataFolder, { recursive: true, force: true, maxRetries: 5 })
})
