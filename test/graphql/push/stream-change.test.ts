import { describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { createStream, deleteStream, endOfLog, follow, importImage, pushLog } from '../../flows/operations.ts'
import { eventStream, iterate, take, wsClient } from '../../http/clients.ts'
import { mutate } from '../writes.ts'

const [one, two] = [1, 2].map((seed) => image({ seed }))
const CHANGE =
  'cursor kind namespace imageStreamName tag reason removalReason push { image { digest } previousImage { digest } }'
const CHANGED = `subscription ($since: String, $imageStream: String, $tag: String, $kinds: [ImageStreamChangeKind!]) {
  imageStreamChanged(since: $since, imageStream: $imageStream, tag: $tag, kinds: $kinds) { ${CHANGE} } }`

interface Change {
  readonly cursor: string
  readonly kind: string
  readonly imageStreamName: string
  readonly tag: string | null
  readonly reason: string | null
  readonly removalReason: string | null
}

const briefly = ({ kind, imageStreamName, tag, reason, removalReason }: Change): string =>
  [kind, `${imageStreamName}${tag === null ? '' : `:${tag}`}`, reason ?? removalReason ?? []].flat().join(' ')

async function changes({ client }: TestApp, args = ''): Promise<Change[]> {
  const { imageStreamChanges } = await client.request<{ imageStreamChanges: { nodes: Change[] } }>(
    `{ imageStreamChanges(first: 100${args}) { nodes { ${CHANGE} } } }`,
  )
  return imageStreamChanges.nodes
}

/** A server with a registry, and a stream `app` of two tags. */
async function start() {
  const upstream = await startUpstream()
  for (const tag of ['latest', '1.0']) upstream.push('team/app', tag, one ?? image({ seed: 1 }))
  const app = await startApp()
  await follow(app.client, `${upstream.host}/team/app`)
  return {
    app,
    upstream,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe('imageStreamChanged', () => {
  test('reports every change of a stream and its tags in one order, over WebSocket, and from a cursor', async () => {
    await using it = await start()
    const { app, upstream } = it
    const since = await endOfLog(app.client)
    const client = wsClient(`${app.app.url.replace('http', 'ws')}/graphql`)
    const live = iterate(client, CHANGED, { since })

    upstream.push('team/app', 'latest', two ?? image({ seed: 1 }))
    await importImage(app.client)
    await mutate(app, 'untagImage', { imageStream: 'app', tag: '1.0' }, 'historyEntryCount')
    await mutate(app, 'restoreTag', { imageStream: 'app', tag: '1.0' }, 'imageStreamTag { id }')
    await mutate(
      app,
      'setTagPolicy',
      { imageStream: 'app', tag: 'stable', policy: { order: 'SEMVER' } },
      'imageStreamTag { id }',
    )
    const { uid } = await app.client
      .request<{ imageStream: { uid: string } }>('{ imageStream(name: "app") { uid } }')
      .then(({ imageStream }) => imageStream)
    await deleteStream(app.client)
    await mutate(app, 'restoreImageStream', { uid, name: 'old' }, 'imageStream { id }')

    const log = await changes(app, `, since: "${since}"`)
    const seen = (await take(live, log.length)).map(
      ({ data }) => (data as { imageStreamChanged: Change }).imageStreamChanged,
    )
    await client.dispose()
    expect(seen).toEqual(log)
    const upToRestore = log.map(briefly)
    expect(upToRestore.slice(0, 9)).toEqual([
      'TAG_PUSHED app:latest',
      'TAG_REMOVED app:1.0 UNTAGGED',
      'TAG_RESTORED app:1.0',
      'TAG_PUSHED app:1.0',
      'STREAM_UPDATED app',
      'TAG_SOURCE_CHANGED app:stable',
      'TAG_PUSHED app:stable',
      ...upToRestore.slice(7, 9),
    ])
    expect(upToRestore.slice(7, 10).sort()).toEqual(
      ['1.0', 'latest', 'stable'].map((tag) => `TAG_REMOVED app:${tag} STREAM_DELETED`),
    )
    expect(upToRestore.slice(10, 12)).toEqual(['STREAM_DELETED app', 'STREAM_RESTORED old'])
    expect(upToRestore.slice(12).sort()).toEqual(
      ['1.0', 'latest', 'stable']
        .flatMap((tag) => [`TAG_PUSHED old:${tag}`, `TAG_RESTORED old:${tag}`])
        .sort(),
    )
    // pushes alone have the same cursors
    const pushes = log.filter(({ kind }) => kind === 'TAG_PUSHED').map(({ cursor }) => cursor)
    expect((await pushLog(app.client)).slice(-pushes.length).map(({ cursor }) => cursor)).toEqual(pushes)
  })

  test('reports when an import begins to fail and when it recovers, each once', async () => {
    await using it = await start()
    const { app, upstream } = it
    const since = await endOfLog(app.client)
    upstream.untag('team/app', '1.0')
    await importImage(app.client, { tag: '1.0' })
    await importImage(app.client, { tag: '1.0' })
    upstream.push('team/app', '1.0', one ?? image({ seed: 1 }))
    await importImage(app.client, { tag: '1.0' })

    expect((await changes(app, `, since: "${since}"`)).map(briefly)).toEqual([
      'IMPORT_FAILING app:1.0 NOT_FOUND',
      'IMPORT_RECOVERED app:1.0',
    ])
  })

  test('starts with a created stream, and filters by kind, stream and tag, over server-sent events', async () => {
    await using it = await start()
    const { app } = it
    const all = await changes(app)
    expect(all.map(briefly).slice(0, 1)).toEqual(['STREAM_CREATED app'])
    const { events, body } = await eventStream(`${app.app.url}/graphql`, CHANGED, {
      variables: { since: all[0]?.cursor, kinds: ['STREAM_CREATED', 'TAG_PUSHED'], imageStream: '*o*' },
    })
    await createStream(app.client, { name: 'other' })
    await createStream(app.client, { name: 'skipped' })
    await createStream(app.client, { name: 'shop' })

    const seen = await take(events, 2)
    body.destroy()
    expect(seen.map(({ data = '' }) => briefly(JSON.parse(data).data.imageStreamChanged))).toEqual([
      'STREAM_CREATED other',
      'STREAM_CREATED shop',
    ])
    const log = await changes(app, ', kinds: [TAG_PUSHED], tag: "1.*"')
    expect(log.map(briefly)).toEqual(['TAG_PUSHED app:1.0'])
    expect(seen.at(-1)?.id).toBe((await changes(app)).at(-1)?.cursor)
  })

  test('skips other changes in imagePushed, which keeps its cursors', async () => {
    await using it = await start()
    const { app } = it
    const before = await pushLog(app.client)
    await mutate(
      app,
      'updateImageStream',
      { imageStream: 'app', labels: [{ key: 'a', value: 'b' }] },
      'imageStream { id }',
    )
    const updated = (await changes(app)).at(-1)

    expect(updated).toMatchObject({ kind: 'STREAM_UPDATED', push: null })
    expect(await pushLog(app.client)).toEqual(before)
  })
})

test('a push and a change have the tag in its present state by its id, also after it was removed', async () => {
  await using it = await start()
  const { client } = it.app
  const TAG = 'imageStreamTag { id tag removedAt image { digest } }'
  const { imageStream } = await client.request<{ imageStream: { tag: { id: string } } }>(
    '{ imageStream(name: "app") { tag(name: "1.0") { id } } }',
  )
  await mutate(it.app, 'untagImage', { imageStream: 'app', tag: '1.0' }, 'historyEntryCount')

  const { imagePushes, imageStreamChanges } = await client.request<{
    imagePushes: { nodes: { tag: string; imageStreamTag: { tag: string } }[] }
    imageStreamChanges: { nodes: unknown[] }
  }>(
    `{ imagePushes { nodes { tag ${TAG} } } imageStreamChanges(kinds: [STREAM_CREATED, TAG_REMOVED]) { nodes { kind ${TAG} } } }`,
  )

  const removed = {
    id: imageStream.tag.id,
    tag: '1.0',
    removedAt: expect.stringMatching(/Z$/),
    image: null,
  }
  expect(imagePushes.nodes.map(({ tag }) => tag).sort()).toEqual(['1.0', 'latest'])
  for (const push of imagePushes.nodes) expect(push.imageStreamTag.tag).toBe(push.tag)
  expect(imagePushes.nodes.find(({ tag }) => tag === '1.0')?.imageStreamTag).toEqual(removed)
  expect(imageStreamChanges.nodes).toEqual([
    { kind: 'STREAM_CREATED', imageStreamTag: null },
    { kind: 'TAG_REMOVED', imageStreamTag: removed },
  ])
})
