import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { createStream, errorsOf, follow, importImage } from '../../flows/operations.ts'

/** More images than there are first digits, so that some share a prefix. */
const IMAGES = 24
const builds = Array.from({ length: IMAGES }, (_, seed) => image({ seed }))
const digests = builds.map(({ digest }) => digest)

let upstream: Upstream
let app: TestApp
beforeAll(async () => {
  upstream = await startUpstream()
  app = await startApp()
  for (const [at, build] of builds.entries()) upstream.push('team/app', `1.${at}`, build)
  await follow(app.client, `${upstream.host}/team/app`)
  upstream.push('team/app', '1.0', image({ seed: 'newer' }))
  await importImage(app.client)
  await createStream(app.client, { name: 'empty' })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const QUERY =
  'query ($name: String!) { imageStreamImage(name: $name) { name imageStream { name } image { digest } } }'
const read = (name: string) => app.client.execute<{ imageStreamImage: unknown }>(QUERY, { name })

/** Returns the shortest prefix of a digest that no other of these has. */
function uniquePrefix(digest: string): string {
  let length = 'sha256:'.length + 1
  while (
    [...digests, image({ seed: 'newer' }).digest].filter((other) => other.startsWith(digest.slice(0, length)))
      .length > 1
  ) {
    length++
  }
  return digest.slice(0, length)
}

test('an image of the history is found by its digest, and by a unique prefix of the digest', async () => {
  // the first one is the earlier image of 1.0
  for (const digest of [digests[0] ?? '', digests[7] ?? '']) {
    const found = { name: `app@${digest}`, imageStream: { name: 'app' }, image: { digest } }
    for (const beginning of [digest, digest.slice(0, 30), uniquePrefix(digest)]) {
      expect((await read(`app@${beginning}`)).data).toEqual({ imageStreamImage: found })
    }
  }
})

test('a prefix that several images have is CONFLICT, and the message names them', async () => {
  const shared = digests
    .map((digest) => digest.slice(0, 'sha256:'.length + 1))
    .find((start, at, all) => all.indexOf(start) !== at)
  const candidates = digests.filter((digest) => digest.startsWith(shared ?? 'none'))

  const response = await read(`app@${shared}`)

  expect(candidates.length).toBeGreaterThan(1)
  expect(errorsOf(response)).toEqual([{ code: 'CONFLICT' }])
  for (const digest of candidates) expect(response.errors?.[0]?.message).toContain(digest)
})

test('an image that the stream’s history does not contain is null, even when another stream has it', async () => {
  for (const name of [`app@sha256:${'0'.repeat(64)}`, `empty@${digests[0]}`]) {
    expect(await read(name)).toEqual({ data: { imageStreamImage: null } })
    expect(
      await app.client.execute(
        'query ($name: String!) { imageDifference(from: $name, to: "app") { sizeDifference } }',
        {
          name,
        },
      ),
    ).toEqual({ data: { imageDifference: null } })
  }
})

test('a pattern is not a prefix of a digest', async () => {
  for (const beginning of ['sha256:%', 'sha256:_', 'sha256:*', 'sha256', 'sha512:']) {
    expect(errorsOf(await read(`app@${beginning}`)), beginning).toEqual([{ code: 'INVALID', field: 'name' }])
  }
})
