import { describe, expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { image, index, releases } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { createStream, follow, importImage, pushLog, reportsOf, tagDigests } from './operations.ts'

/** Tags in the fixture's repository; they share fewer images, two of them in an index. */
const TAGS = 30
const IMAGES = 10

async function startFilled(): Promise<Upstream> {
  const upstream = await startUpstream()
  for (const [tag, content] of releases(TAGS, { images: IMAGES })) upstream.push('team/app', tag, content)
  upstream.push(
    'team/app',
    'multi',
    index([
      image({ seed: 'release-0' }),
      image({ seed: 'arm', platform: { os: 'linux', architecture: 'arm64' } }),
    ]),
  )
  return upstream
}

/** Paths that were fetched more than once. */
function fetchedAgain({ log }: Upstream): readonly string[] {
  const digests = log
    .filter(({ kind }) => kind === 'manifest' || kind === 'blob')
    .map(({ kind, reference }) => `${kind} ${reference}`)
  return digests.filter((fetched, at) => digests.indexOf(fetched) !== at)
}

const mode = { importMode: 'PRESERVE_ORIGINAL' }

describe('an import sends no unnecessary requests', () => {
  test('one for the tag list, one per tag, and one in total for each manifest and config', async () => {
    await using upstream = await startFilled()
    await using app = await startApp({ importMode: 'PreserveOriginal' })

    await follow(app.client, `${upstream.host}/team/app`)

    expect(fetchedAgain(upstream)).toEqual([])
    // the images, the index and its image of another platform; each image has its own config
    expect(upstream.requests).toMatchObject({
      listing: 1,
      head: TAGS + 1,
      manifest: IMAGES + 2,
      blob: IMAGES + 1,
      token: 0,
    })
  })

  test('only the tag list and one HEAD per tag if nothing changed', async () => {
    await using upstream = await startFilled()
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)

    for (const turn of ['running', 'restarted']) {
      if (turn === 'restarted') await app.restart()
      upstream.reset()
      expect(await importImage(app.client)).toMatchObject({ unchanged: TAGS + 1, imported: 0 })
      expect(upstream.requests).toMatchObject({ listing: 1, head: TAGS + 1, manifest: 0, blob: 0 })
    }
  })

  test('two streams of one repository that are created at the same time share their requests', async () => {
    await using upstream = await startFilled()
    await using app = await startApp()

    await Promise.all(['a', 'b', 'c'].map((name) => follow(app.client, `${upstream.host}/team/app`, name)))

    expect(fetchedAgain(upstream)).toEqual([])
    for (const name of ['a', 'b', 'c']) expect((await tagDigests(app.client, name)).size).toBe(TAGS + 1)
    expect(await pushLog(app.client)).toHaveLength(3 * (TAGS + 1))
  })

  test('no manifest or config is fetched for another repository with the same images', async () => {
    await using upstream = await startFilled()
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)
    for (const [tag, content] of releases(TAGS, { images: IMAGES })) upstream.push('mirror/app', tag, content)
    upstream.reset()

    await follow(app.client, `${upstream.host}/mirror/app`, 'mirror')

    expect(upstream.requests).toMatchObject({ listing: 1, head: TAGS, manifest: 0, blob: 0 })
  })
})

describe('two concurrent imports of one stream', () => {
  test('push each image once and fetch nothing twice', async () => {
    await using upstream = await startFilled()
    await using app = await startApp()
    await createStream(app.client)
    const input = { from: `${upstream.host}/team/app`, all: true, ...mode }

    const both = await Promise.all([importImage(app.client, input), importImage(app.client, input)])

    for (const imported of both) expect(imported).toMatchObject({ state: 'SUCCEEDED', total: TAGS + 1 })
    expect(both.reduce((sum, { imported }) => sum + imported, 0)).toBeGreaterThanOrEqual(TAGS + 1)
    expect(fetchedAgain(upstream)).toEqual([])
    expect(await pushLog(app.client)).toHaveLength(TAGS + 1)
  })

  test('run one after the other: the second one starts when the first has finished, and finds later changes', async () => {
    await using upstream = await startFilled()
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)
    upstream.reset()
    using gate = upstream.hold(({ kind }) => kind === 'listing')

    const begin = () => importImage(app.client, { waitSeconds: 0 })
    const first = await begin()
    await gate.arrived(1)
    const [second, third] = [await begin(), await begin()]
    upstream.push('team/app', '1.0.0', image({ seed: 'moved' }))
    gate.open()
    const ends = await Promise.all([first, second].map(({ id }) => reportsOf(app.client, id)))

    expect([second.state, third.state]).toEqual(['PENDING', 'PENDING'])
    // a request for the same import while it waits returns that import
    expect([first.id === second.id, second.id === third.id]).toEqual([false, true])
    expect(ends.map((reports) => reports.at(-1)?.state)).toEqual(['SUCCEEDED', 'SUCCEEDED'])
    expect(ends.reduce((sum, reports) => sum + (reports.at(-1)?.imported ?? 0), 0)).toBe(1)
    expect(upstream.requests).toMatchObject({ listing: 2, manifest: 1, blob: 1 })
  })
})
