import { describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import {
  createStream,
  follow,
  history,
  type Imported,
  importImage,
  PROGRESS,
  pushLog,
  reportsOf,
  resultsOf,
  tagDigests,
} from './operations.ts'

const one = image({ seed: 'one' })
const two = image({ seed: 'two' })
const three = image({ seed: 'three' })

/** Starts a registry with `team/app` and the tags of the documented order of importance. */
async function startTeamApp(): Promise<Upstream> {
  const upstream = await startUpstream()
  for (const tag of ['other', 'v1.2', '1.2.3', 'latest', '1.10', '1.2']) upstream.push('team/app', tag, one)
  return upstream
}

/** Returns the stream's own fields, and the time of the last check of its repository. */
async function streamOf({ client }: TestApp): Promise<{ stream: object; check: string | undefined }> {
  const { imageStream } = await client.request<{
    imageStream: object & { annotations: { key: string; value: string }[] }
  }>('{ imageStream(name: "app") { id name generation resourceVersion annotations { key value } } }')
  const { annotations, ...stream } = imageStream
  const check = annotations.find(({ key }) => key.endsWith('dockerRepositoryCheck'))?.value
  return { stream, check }
}

describe('a stream that is created from a registry', () => {
  test('has every tag, in order of importance', async () => {
    await using upstream = await startTeamApp()
    await using app = await startApp()

    const imported = await follow(app.client, `${upstream.host}/team/app`)

    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 6, imported: 6, unchanged: 0, failed: 0 })
    const tags = await tagDigests(app.client)
    expect([...tags.keys()]).toEqual(['latest', '1.10', '1.2', 'v1.2', '1.2.3', 'other'])
    expect(new Set(tags.values())).toEqual(new Set([one.digest]))
  })

  test('has only the most important tags if a maximum is set, and reports the others', async () => {
    await using upstream = await startTeamApp()
    await using app = await startApp({ maximumTags: 2 })

    const imported = await follow(app.client, `${upstream.host}/team/app`)

    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 2 })
    expect(imported.additionalTags.nodes.map(({ tag }) => tag)).toEqual(['1.2', 'v1.2', '1.2.3', 'other'])
    expect([...(await tagDigests(app.client)).keys()]).toEqual(['latest', '1.10'])
  })

  test('imports spec tags from their own sources, which take precedence over the repository', async () => {
    await using upstream = await startTeamApp()
    upstream.push('mirror/app', 'v9', two)
    await using app = await startApp()

    await createStream(app.client, {
      spec: {
        dockerImageRepository: `${upstream.host}/team/app`,
        tags: [
          { name: 'latest', from: { kind: 'DOCKER_IMAGE', name: `${upstream.host}/mirror/app:v9` } },
          {
            name: 'pinned',
            from: { kind: 'DOCKER_IMAGE', name: `${upstream.host}/mirror/app@${two.digest}` },
          },
        ],
      },
    })

    const tags = await tagDigests(app.client)
    expect(tags.get('latest')).toBe(two.digest)
    expect(tags.get('pinned')).toBe(two.digest)
    expect(tags.get('1.2')).toBe(one.digest)
  })

  test('does not import a known digest under the name of a repository that does not have it', async () => {
    await using upstream = await startTeamApp()
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)

    const imported = await importImage(app.client, {
      tag: 'foreign',
      from: `${upstream.host}/no/such@${one.digest}`,
    })

    expect(imported).toMatchObject({ state: 'FAILED', reason: 'NOT_FOUND' })
    expect((await tagDigests(app.client)).get('foreign')).toBeUndefined()
  })
})

describe('a repeated import', () => {
  test('finds exactly the moved tags, and keeps their history, newest first', async () => {
    await using upstream = await startTeamApp()
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)

    upstream.push('team/app', 'latest', two)
    upstream.push('team/app', '2.0', two)
    const second = await importImage(app.client)
    upstream.push('team/app', 'latest', three)
    const third = await importImage(app.client)
    upstream.move('team/app', 'latest', one.digest)
    await importImage(app.client)

    expect(second).toMatchObject({ state: 'SUCCEEDED', total: 7, imported: 2, unchanged: 5 })
    expect((await resultsOf(app.client, second)).map(({ tag, state }) => `${tag} ${state}`)).toEqual([
      'latest IMPORTED',
      '2.0 IMPORTED',
      '1.10 UNCHANGED',
      '1.2 UNCHANGED',
      'v1.2 UNCHANGED',
      '1.2.3 UNCHANGED',
      'other UNCHANGED',
    ])
    expect(third).toMatchObject({ imported: 1, unchanged: 6 })
    expect(await history(app.client, 'app:latest')).toEqual([
      one.digest,
      three.digest,
      two.digest,
      one.digest,
    ])
    expect(await history(app.client, 'app:1.2')).toEqual([one.digest])
  })

  test('writes only the time of the check if no tag moved', async () => {
    let now = Date.UTC(2026, 0, 1)
    await using upstream = await startTeamApp()
    await using app = await startApp({}, { now: () => now })
    await follow(app.client, `${upstream.host}/team/app`)
    const [before, log] = [await streamOf(app), await pushLog(app.client)]

    now += 60_000
    const again = await importImage(app.client)

    expect(again).toMatchObject({ state: 'SUCCEEDED', imported: 0, unchanged: 6 })
    expect(await streamOf(app)).toEqual({ ...before, check: '2026-01-01T00:01:00Z' })
    expect(before.check).toBe('2026-01-01T00:00:00Z')
    expect(await pushLog(app.client)).toEqual(log)
  })

  test('keeps a tag that the registry no longer has', async () => {
    await using upstream = await startTeamApp()
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)

    upstream.untag('team/app', 'other')
    await importImage(app.client)

    expect((await tagDigests(app.client)).get('other')).toBe(one.digest)
  })

  test('that fails for one tag succeeds for the others, and the tag has a condition until it succeeds', async () => {
    await using upstream = await startTeamApp()
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)
    const conditions = async () => {
      const { imageStreamTag } = await app.client.request<{ imageStreamTag: { conditions: object[] } }>(
        '{ imageStreamTag(name: "app:1.2") { conditions { type status reason message } } }',
      )
      return imageStreamTag.conditions
    }

    upstream.push('team/app', 'latest', two)
    upstream.hook = ({ reference }) =>
      reference === '1.2' ? { status: 403, headers: {}, body: '' } : undefined
    const broken = await importImage(app.client)
    const failures = await conditions()
    upstream.hook = undefined
    await importImage(app.client)

    expect(broken).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', imported: 1, unchanged: 4, failed: 1 })
    expect(failures).toMatchObject([{ type: 'IMPORT_SUCCESS', status: 'NOT_MET', reason: 'FORBIDDEN' }])
    expect(await history(app.client, 'app:1.2')).toEqual([one.digest])
    expect(await conditions()).toEqual([])
  })
})

describe('a long import', () => {
  test('returns immediately without waitSeconds, and importProgressed reports its progress to the end', async () => {
    await using upstream = await startTeamApp()
    await using app = await startApp()
    using gate = upstream.hold(({ kind }) => kind === 'head')

    const begun = await createStream(app.client, {
      spec: { dockerImageRepository: `${upstream.host}/team/app` },
      waitSeconds: 0,
    })
    const id = begun.import?.id
    expect(begun.import).toMatchObject({ finishedAt: null, imported: 0 })
    expect(begun.import?.state).toMatch(/^(?:PENDING|RUNNING)$/)
    const reports = app.client.follow<{ importProgressed: Imported }>(PROGRESS, { id })
    await gate.arrived(6)
    const first = await reports.next()
    gate.open()
    const rest: Imported[] = []
    for await (const { importProgressed } of reports) rest.push(importProgressed)

    expect(first.value.importProgressed).toMatchObject({ id, state: 'RUNNING', total: 6, imported: 0 })
    expect(rest.at(-1)).toMatchObject({ id, state: 'SUCCEEDED', total: 6, imported: 6 })
    const counts = rest.map(({ imported }) => imported)
    expect(counts).toEqual(counts.toSorted((a, b) => a - b))
  })

  test('is reported once by importProgressed after its end; an unknown import is NOT_FOUND', async () => {
    await using upstream = await startTeamApp()
    await using app = await startApp()
    const finished = await follow(app.client, `${upstream.host}/team/app`)

    const reports = await reportsOf(app.client, finished.id)

    expect(reports).toEqual([finished])
    await expect(app.client.follow(PROGRESS, { id: 'SW1wb3J0Ojk5' }).next()).rejects.toThrow(
      /no import with this id/,
    )
  })

  test('continues after a restart of the server', async () => {
    await using upstream = await startTeamApp()
    await using app = await startApp()
    using gate = upstream.hold(({ kind }) => kind === 'head')
    const { import: begun } = await createStream(app.client, {
      spec: { dockerImageRepository: `${upstream.host}/team/app` },
      waitSeconds: 0,
    })
    await gate.arrived(6)

    await app.restart()
    gate.open()
    const reports = await reportsOf(app.client, begun?.id ?? '')

    expect(reports.at(-1)).toMatchObject({ id: begun?.id, state: 'SUCCEEDED', imported: 6 })
    expect(await pushLog(app.client)).toHaveLength(6)
  })

  test('is listed with the stream, newest first, and a dry run stores nothing', async () => {
    await using upstream = await startTeamApp()
    await using app = await startApp()
    const first = await follow(app.client, `${upstream.host}/team/app`)
    const second = await importImage(app.client)

    upstream.push('team/app', 'latest', two)
    const dry = await importImage(app.client, { dryRun: true })

    expect(dry).toMatchObject({ state: 'SUCCEEDED', imported: 1, unchanged: 5 })
    expect((await tagDigests(app.client)).get('latest')).toBe(one.digest)
    const { imageStream } = await app.client.request<{
      imageStream: { imports: { totalCount: number; nodes: { id: string }[] } }
    }>('{ imageStream(name: "app") { imports { totalCount nodes { id } } } }')
    expect(imageStream.imports).toEqual({ totalCount: 2, nodes: [{ id: second.id }, { id: first.id }] })
  })
})
