import { describe, expect, test } from 'vitest'
import type { TestApp } from '../../fixtures/app.ts'
import { PushClient } from '../../fixtures/push-client.ts'
import { image } from '../../fixtures/random-image.ts'
import { createStream, deleteStream, follow, importImage, pushLog } from '../../flows/operations.ts'
import { mutate, one, picture, startWithUpstream } from '../writes.ts'

const two = image({ seed: 2 })

const run = <Result extends object>(
  { client }: TestApp,
  operation: string,
  variables = {},
): Promise<Result> => client.request<Result>(operation, variables)

/** Returns code and message of the error of a refused mutation. */
async function whyRefused({ client }: TestApp, name: string, input: object): Promise<string> {
  const type = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input`
  const response = await client.execute(
    `mutation ($input: ${type}!) { ${name}(input: $input) { __typename } }`,
    {
      input,
    },
  )
  const [error] = response.errors ?? []
  return `${error?.extensions?.code}: ${error?.message}`
}

/** The digests of the stream's tags at a time. */
async function tagsAt(app: TestApp, stream: string, time: string): Promise<Record<string, string>> {
  const found = await run<{
    stream: { tagsAt: { nodes: { imageStreamTag: { tag: string }; image: { digest: string } }[] } }
  }>(
    app,
    `query ($time: DateTime!) { stream: ${stream} { tagsAt(time: $time) { nodes { imageStreamTag { tag } image { digest } } } } }`,
    { time },
  )
  return Object.fromEntries(
    found.stream.tagsAt.nodes.map(({ imageStreamTag, image }) => [imageStreamTag.tag, image.digest]),
  )
}

/** Waits until the clock has passed, so that what follows has a later time. */
async function instant(): Promise<string> {
  const now = Date.now()
  while (Date.now() === now) await new Promise((resolve) => setImmediate(resolve))
  return new Date(now).toISOString()
}

describe('a removed tag', () => {
  test('can be looked up at any time before its removal, and is listed with its history', async () => {
    await using it = await startWithUpstream()
    await follow(it.app.client, it.repository)
    const before = await instant()
    const dryRun = await mutate(
      it.app,
      'untagImage',
      { imageStream: 'app', tag: '1.0', dryRun: true },
      `deletedId imageStreamTag { tag removedAt image { digest } }
       historyEntryCount stoppedSources { nodes { tag } } imageStream { tags { totalCount } }`,
    )
    expect(dryRun).toEqual({
      untagImage: {
        deletedId: null,
        imageStreamTag: { tag: '1.0', removedAt: null, image: { digest: one.digest } },
        historyEntryCount: 1,
        stoppedSources: { nodes: [] },
        imageStream: { tags: { totalCount: 2 } },
      },
    })

    const removed = await mutate(
      it.app,
      'untagImage',
      { imageStream: 'app', tag: '1.0' },
      `deletedId imageStreamTag { id tag removedAt image { digest } items(first: 1) { nodes { image { digest } } } }
       imageStream { tags { totalCount } removedTags { nodes { id removedAt } } }`,
    )
    const { untagImage } = removed as { untagImage: { imageStreamTag: { id: string; removedAt: string } } }
    const { id, removedAt } = untagImage.imageStreamTag
    expect(removed).toEqual({
      untagImage: {
        deletedId: id,
        imageStreamTag: {
          id,
          tag: '1.0',
          removedAt: expect.any(String),
          image: null,
          items: { nodes: [{ image: { digest: one.digest } }] },
        },
        imageStream: { tags: { totalCount: 1 }, removedTags: { nodes: [{ id, removedAt }] } },
      },
    })
    const after = await instant()

    const stream = 'imageStream(name: "app")'
    expect(await tagsAt(it.app, stream, before)).toEqual({ latest: one.digest, '1.0': one.digest })
    expect(await tagsAt(it.app, stream, after)).toEqual({ latest: one.digest })
    expect(
      await run(
        it.app,
        `{ ${stream} { tag(name: "1.0") { id } removedTags { totalCount nodes { tag image { digest }
           items(first: 1) { nodes { image { digest } removalReason } } } } } }`,
      ),
    ).toEqual({
      imageStream: {
        tag: null,
        removedTags: {
          totalCount: 1,
          nodes: [
            {
              tag: '1.0',
              image: null,
              items: { nodes: [{ image: { digest: one.digest }, removalReason: 'UNTAGGED' }] },
            },
          ],
        },
      },
    })
  })

  test('is restored with its history and its source, as one push', async () => {
    await using it = await startWithUpstream()
    const source = { kind: 'DOCKER_IMAGE', name: `${it.repository}:1.0` }
    await createStream(it.app.client, { spec: { tags: [{ name: 'v1', from: source }] }, waitSeconds: 300 })
    await mutate(it.app, 'untagImage', { imageStream: 'app', tag: 'v1' }, 'historyEntryCount')
    const pushes = (await pushLog(it.app.client)).length

    expect(
      await mutate(
        it.app,
        'restoreTag',
        { imageStream: 'app', tag: 'v1' },
        'imageStreamTag { tag removedAt image { digest } items { totalCount nodes { removalReason } } spec { from { name } } }',
      ),
    ).toEqual({
      restoreTag: {
        imageStreamTag: {
          tag: 'v1',
          removedAt: null,
          image: { digest: one.digest },
          items: { totalCount: 2, nodes: [{ removalReason: null }, { removalReason: 'UNTAGGED' }] },
          spec: { from: { name: source.name } },
        },
      },
    })
    expect(await pushLog(it.app.client)).toHaveLength(pushes + 1)
    expect(await whyRefused(it.app, 'restoreTag', { imageStream: 'app', tag: 'v1' })).toBe(
      'INVALID: default/app:v1 is not removed: rollbackTag points it to an image of its history',
    )
    expect(await whyRefused(it.app, 'restoreTag', { imageStream: 'app', tag: 'none' })).toBe(
      'NOT_FOUND: default/app has no removed tag none',
    )
  })
})

describe('a deleted stream', () => {
  test('is read by uid with its last spec, and answers for the time before', async () => {
    await using it = await startWithUpstream()
    await follow(it.app.client, it.repository)
    it.upstream.push('team/app', 'latest', two)
    await importImage(it.app.client, { imageStream: 'app' })
    const before = await instant()
    const { imageStream } = await run<{ imageStream: { uid: string } }>(
      it.app,
      '{ imageStream(name: "app") { uid } }',
    )
    expect(
      await mutate(
        it.app,
        'deleteImageStream',
        { imageStream: 'app', dryRun: true },
        'deletedId imageStream { uid } tagCount historyEntryCount stoppedSources { nodes { tag source historyEntryCount } }',
      ),
    ).toEqual({
      deleteImageStream: {
        deletedId: null,
        imageStream: { uid: imageStream.uid },
        tagCount: 2,
        historyEntryCount: 3,
        stoppedSources: { nodes: [{ tag: null, source: it.repository, historyEntryCount: 3 }] },
      },
    })

    await deleteStream(it.app.client)
    await createStream(it.app.client)

    const byUid = `imageStreamByUid(uid: "${imageStream.uid}")`
    expect(await tagsAt(it.app, byUid, before)).toEqual({ latest: two.digest, '1.0': one.digest })
    const shown = await run<{ deletedImageStreams: { nodes: { deletionTimestamp: string }[] } }>(
      it.app,
      `{ ${byUid} { name deletionTimestamp spec { dockerImageRepository } tags { totalCount } }
         deletedImageStreams { totalCount nodes { uid deletionTimestamp removedTags { totalCount } } } }`,
    )
    const { deletionTimestamp } = shown.deletedImageStreams.nodes[0] ?? {}
    expect(shown).toEqual({
      imageStreamByUid: {
        name: 'app',
        deletionTimestamp,
        spec: { dockerImageRepository: it.repository },
        tags: { totalCount: 0 },
      },
      deletedImageStreams: {
        totalCount: 1,
        nodes: [{ uid: imageStream.uid, deletionTimestamp, removedTags: { totalCount: 2 } }],
      },
    })
    // its history is also the image's
    expect(
      await run(
        it.app,
        `{ image(digest: "${two.digest}") { history { nodes { imageStreamTag { name imageStream { uid } } } } } }`,
      ),
    ).toEqual({
      image: {
        history: {
          nodes: [{ imageStreamTag: { name: 'app:latest', imageStream: { uid: imageStream.uid } } }],
        },
      },
    })
  })

  test('has one value, by its id, by its uid and from the histories of images; so do its tags', async () => {
    await using it = await startWithUpstream()
    await follow(it.app.client, it.repository)
    await createStream(it.app.client, {
      name: 'other',
      spec: {
        tags: [{ name: 'kept', reference: true, from: { kind: 'IMAGE_STREAM_TAG', name: 'app:none' } }],
      },
    })
    await mutate(
      it.app,
      'tagImage',
      { imageStream: 'other', tag: 'copy', from: { kind: 'IMAGE_STREAM_TAG', name: 'app:latest' } },
      '__typename',
    )
    await mutate(it.app, 'untagImage', { imageStream: 'other', tag: 'copy' }, 'historyEntryCount')
    const { app } = await run<{ app: { uid: string } }>(it.app, '{ app: imageStream(name: "app") { uid } }')
    await deleteStream(it.app.client)

    const stream = 'id uid name deletionTimestamp spec { dockerImageRepository tags { nodes { name } } }'
    const tag = `id tag removedAt image { digest } items { totalCount } imageStream { ${stream} }`
    type Tag = { id: string; imageStream: { id: string; uid: string } }
    const found = await run<{ image: { history: { nodes: { imageStreamTag: Tag }[] } } }>(
      it.app,
      `{ image(digest: "${one.digest}") { history { nodes { imageStreamTag { ${tag} } } } } }`,
    )
    const tags = found.image.history.nodes.map(({ imageStreamTag }) => imageStreamTag)
    expect(tags).toMatchObject([
      {
        tag: 'copy',
        imageStream: { spec: { dockerImageRepository: null, tags: { nodes: [{ name: 'kept' }] } } },
      },
      { imageStream: { uid: app.uid, spec: { dockerImageRepository: it.repository } } },
      { imageStream: { uid: app.uid, spec: { dockerImageRepository: it.repository } } },
    ])
    for (const each of tags) {
      const { imageStream } = each
      expect(
        await run(
          it.app,
          `{ node(id: "${each.id}") { ... on ImageStreamTag { ${tag} } }
             stream: node(id: "${imageStream.id}") { ... on ImageStream { ${stream} } }
             byUid: imageStreamByUid(uid: "${imageStream.uid}") { ${stream} } }`,
        ),
      ).toEqual({ node: each, stream: imageStream, byUid: imageStream })
    }
  })

  test('is restored under its own or another name, with its tags and sources, and not over a new stream', async () => {
    await using it = await startWithUpstream()
    await follow(it.app.client, it.repository)
    const { imageStream } = await run<{ imageStream: { uid: string; id: string } }>(
      it.app,
      '{ imageStream(name: "app") { uid id } }',
    )
    const { uid, id } = imageStream
    await deleteStream(it.app.client)
    await createStream(it.app.client)
    const taken = await picture(it.app)

    expect(await whyRefused(it.app, 'restoreImageStream', { uid })).toBe(
      'ALREADY_EXISTS: there is an image stream default/app already: restore it under another name',
    )
    expect(await whyRefused(it.app, 'restoreImageStream', { uid: 'none' })).toMatch('NOT_FOUND: ')
    expect(await whyRefused(it.app, 'restoreImageStream', { uid, name: 'A' })).toMatch('INVALID: ')
    expect(await picture(it.app)).toEqual(taken)

    expect(
      await mutate(
        it.app,
        'restoreImageStream',
        { uid, name: 'old' },
        `imageStream { id uid name deletionTimestamp spec { dockerImageRepository }
           tags { nodes { tag image { digest } items { totalCount } } } }`,
      ),
    ).toEqual({
      restoreImageStream: {
        imageStream: {
          id,
          uid,
          name: 'old',
          deletionTimestamp: null,
          spec: { dockerImageRepository: it.repository },
          tags: {
            nodes: ['latest', '1.0'].map((tag) => ({
              tag,
              image: { digest: one.digest },
              items: { totalCount: 2 },
            })),
          },
        },
      },
    })
    expect(await whyRefused(it.app, 'restoreImageStream', { uid })).toBe(
      'INVALID: default/old is not deleted',
    )
  })

  test('keeps its pushed content, out of reach, and serves it again when it is restored', async () => {
    await using it = await startWithUpstream()
    const registry = new PushClient(it.app.app.url)
    await registry.push({ repository: 'default/app', tag: 'v1' }, one, 'one POST')
    const { imageStream } = await run<{ imageStream: { uid: string } }>(
      it.app,
      '{ imageStream(name: "app") { uid } }',
    )
    const collect = () =>
      mutate(it.app, 'collectGarbage', { dryRun: false }, 'garbageCollection { manifestCount blobCount }')
    await deleteStream(it.app.client)
    // another stream takes the name meanwhile
    await registry.push({ repository: 'default/app', tag: 'v2' }, two, 'one POST')

    expect(await registry.has({ repository: 'default/app', tag: 'v1' }, one)).toBe(false)
    expect(await collect()).toEqual({
      collectGarbage: { garbageCollection: { manifestCount: 0, blobCount: 0 } },
    })
    expect(
      await mutate(
        it.app,
        'restoreImageStream',
        { uid: imageStream.uid, name: 'old' },
        'imageStream { tag(name: "v1") { dockerImageReference } }',
      ),
    ).toMatchObject({
      restoreImageStream: {
        imageStream: { tag: { dockerImageReference: expect.stringContaining(`/default/old@${one.digest}`) } },
      },
    })

    expect(await registry.has({ repository: 'default/old', tag: 'v1' }, one)).toBe(true)
    expect(await registry.has({ repository: 'default/app', tag: 'v2' }, two)).toBe(true)
    expect(await registry.has({ repository: 'default/app', tag: 'v1' }, one)).toBe(false)
  })

  test('is pruned for good, as its dry run says', async () => {
    await using it = await startWithUpstream()
    await follow(it.app.client, it.repository)
    await deleteStream(it.app.client)
    const prune = (dryRun: boolean) =>
      mutate(
        it.app,
        'pruneImages',
        { keepYoungerThanMinutes: 0, dryRun },
        `plan { deletedImageStreamCount tagEvents { totalCount } }
          imagePruning { deletedImageStreamCount tagEventCount }`,
      )
    await instant()

    const plan = { deletedImageStreamCount: 1, tagEvents: { totalCount: 2 } }
    expect(await prune(true)).toEqual({ pruneImages: { plan, imagePruning: null } })
    const imagePruning = { deletedImageStreamCount: 1, tagEventCount: 2 }
    expect(await prune(false)).toEqual({ pruneImages: { plan: null, imagePruning } })
    expect(await run(it.app, '{ deletedImageStreams { totalCount } }')).toEqual({
      deletedImageStreams: { totalCount: 0 },
    })
  })
})
