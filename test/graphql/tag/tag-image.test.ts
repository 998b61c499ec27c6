import { describe, expect, test } from 'vitest'
import type { TestApp } from '../../fixtures/app.ts'
import { startApp } from '../../fixtures/app.ts'
import { PushClient } from '../../fixtures/push-client.ts'
import { image } from '../../fixtures/random-image.ts'
import {
  createStream,
  endOfLog,
  follow,
  history,
  type Imported,
  importImage,
  reportsOf,
} from '../../flows/operations.ts'
import { shared } from '../shared.ts'
import { one, picture, refused, startWithUpstream } from '../writes.ts'

const TAG_IMAGE = `mutation ($input: TagImageInput!) { tagImage(input: $input) {
  imageStreamTag { name tag image { digest } dockerImageReference imageStream { namespace name generation }
    spec { name generation reference from { kind name namespace } importPolicy { insecure scheduled importMode }
      referencePolicy { type } }
    items(first: 5) { nodes { generation image { digest } } } }
  import { id state finishedAt } } }`

interface Tagged {
  readonly imageStreamTag: {
    readonly image: { readonly digest: string } | null
    readonly [field: string]: unknown
  }
  readonly import: Imported | null
}

const two = image({ seed: 2 })

const tagImage = async ({ client }: TestApp, input: object): Promise<Tagged> =>
  (await client.request<{ tagImage: Tagged }>(TAG_IMAGE, { input })).tagImage

const untagImage = ({ client }: TestApp, input: object) =>
  client.request(
    `mutation ($input: UntagImageInput!) { untagImage(input: $input) {
      imageStream { name generation spec { tags { nodes { name } } } tags { nodes { tag } } } } }`,
    { input },
  )

const fromTag = (name: string) => ({ kind: 'IMAGE_STREAM_TAG', name })
const sources = async ({ client }: TestApp): Promise<readonly string[]> => {
  const { imagePushes } = await client.request<{
    imagePushes: { nodes: { source: string; imageStreamName: string; tag: string }[] }
  }>('{ imagePushes { nodes { source imageStreamName tag } } }')
  return imagePushes.nodes.map(({ source, imageStreamName, tag }) => `${source} ${imageStreamName}:${tag}`)
}

/** A server with a stream of `team/app`, for refused mutations. */
const followed = shared(async () => {
  const it = await startWithUpstream()
  await follow(it.app.client, it.repository)
  return it
})

describe('tagImage', () => {
  test('copies the image that a tag points to into a stream that it creates', async () => {
    await using it = await startWithUpstream()
    await follow(it.app.client, it.repository)

    const { imageStreamTag, import: begun } = await tagImage(it.app, {
      imageStream: 'shop',
      tag: 'prod',
      from: fromTag('app:latest'),
    })

    expect(begun).toBeNull()
    expect(imageStreamTag).toEqual({
      name: 'shop:prod',
      tag: 'prod',
      image: { digest: one.digest },
      dockerImageReference: `${it.repository}@${one.digest}`,
      imageStream: { namespace: 'default', name: 'shop', generation: 1 },
      spec: {
        name: 'prod',
        generation: 1,
        reference: false,
        from: { kind: 'IMAGE_STREAM_IMAGE', name: `app@${one.digest}`, namespace: null },
        importPolicy: { insecure: false, scheduled: false, importMode: 'LEGACY' },
        referencePolicy: { type: 'SOURCE' },
      },
      items: { nodes: [{ generation: 1, image: { digest: one.digest } }] },
    })
    expect((await sources(it.app)).at(-1)).toBe('TAG shop:prod')
  })

  test('with alias follows the tag through imports, and through other tags, from a stream in another namespace', async () => {
    await using it = await startWithUpstream()
    await follow(it.app.client, it.repository)
    await tagImage(it.app, { imageStream: 'app', tag: 'stable', from: fromTag('latest'), alias: true })
    const from = { ...fromTag('app:stable'), namespace: 'default' }
    const { imageStreamTag } = await tagImage(it.app, {
      namespace: 'shop',
      imageStream: 'base',
      tag: '1',
      from,
      alias: true,
    })
    expect(imageStreamTag).toMatchObject({ image: { digest: one.digest }, spec: { from } })

    it.upstream.push('team/app', 'latest', two)
    await importImage(it.app.client)

    expect(await history(it.app.client, 'app:stable')).toEqual([two.digest, one.digest])
    expect((await sources(it.app)).slice(-3)).toEqual(['IMPORT app:latest', 'TAG app:stable', 'TAG base:1'])
  })

  test('with alias shows a waiting tag as one without image', async () => {
    await using it = await startWithUpstream()

    const input = { imageStream: 'shop', tag: 'base', from: fromTag('app:latest'), alias: true }
    expect((await tagImage(it.app, input)).imageStreamTag).toMatchObject({
      image: null,
      dockerImageReference: null,
      items: { nodes: [] },
    })
    await follow(it.app.client, it.repository)

    expect(await history(it.app.client, 'shop:base')).toEqual([one.digest])
  })

  test('accepts an image of a history by a prefix of its digest', async () => {
    await using it = await startWithUpstream()
    await follow(it.app.client, it.repository)

    const from = { kind: 'IMAGE_STREAM_IMAGE', name: `app@${one.digest.slice(0, 16)}` }
    const { imageStreamTag } = await tagImage(it.app, { imageStream: 'shop', tag: 'prod', from })

    expect(imageStreamTag).toMatchObject({
      image: { digest: one.digest },
      spec: { from: { name: `app@${one.digest}` } },
    })
  })

  test('from a registry returns the imported image', async () => {
    await using it = await startWithUpstream()
    const from = { kind: 'DOCKER_IMAGE', name: `${it.repository}:1.0` }

    const tagged = await tagImage(it.app, { imageStream: 'shop:app', from })
    expect(tagged).toMatchObject({ imageStreamTag: { image: { digest: one.digest } } })
    expect(tagged.import?.finishedAt).toEqual(expect.any(String))
  })

  test('from a registry returns an import without waiting for it, with waitSeconds: 0', async () => {
    await using it = await startWithUpstream()
    using gate = it.upstream.hold(({ kind }) => kind === 'head')

    const { imageStreamTag, import: begun } = await tagImage(it.app, {
      imageStream: 'shop',
      tag: 'app',
      from: { kind: 'DOCKER_IMAGE', name: `${it.repository}:1.0` },
      scheduled: true,
      insecure: true,
      importMode: 'PRESERVE_ORIGINAL',
      referencePolicy: 'LOCAL',
      waitSeconds: 0,
    })
    expect(begun).toMatchObject({ finishedAt: null })
    expect(imageStreamTag).toMatchObject({
      image: null,
      spec: {
        from: { kind: 'DOCKER_IMAGE', name: `${it.repository}:1.0`, namespace: null },
        importPolicy: { insecure: true, scheduled: true, importMode: 'PRESERVE_ORIGINAL' },
        referencePolicy: { type: 'LOCAL' },
      },
    })
    gate.open()

    expect((await reportsOf(it.app.client, begun?.id ?? '')).at(-1)).toMatchObject({ state: 'SUCCEEDED' })
    expect(await history(it.app.client, 'shop:app')).toEqual([one.digest])
  })

  test('with reference stores a pull spec, and requests no registry', async () => {
    await using it = await startWithUpstream()

    const from = { kind: 'DOCKER_IMAGE', name: `${it.repository}:1.0` }
    const tagged = await tagImage(it.app, { imageStream: 'shop', tag: 'app', from, reference: true })

    expect(tagged).toMatchObject({ import: null, imageStreamTag: { image: null, spec: { reference: true } } })
    expect(it.upstream.log).toEqual([])
  })

  test.each([
    [{ from: fromTag('app:none') }, { code: 'NOT_FOUND' }],
    [{ from: fromTag('none:latest'), namespace: 'elsewhere' }, { code: 'NOT_FOUND' }],
    [{ from: { kind: 'IMAGE_STREAM_IMAGE', name: 'app@sha256:fffffff' } }, { code: 'NOT_FOUND' }],
    [{ from: { kind: 'IMAGE_STREAM_IMAGE', name: 'app@latest' } }, { code: 'INVALID', field: 'from.name' }],
    [{ from: fromTag('a:b:c') }, { code: 'INVALID', field: 'from.name' }],
    [{ from: { kind: 'DOCKER_IMAGE', name: 'Foo' } }, { code: 'INVALID', field: 'from.name' }],
    [
      { from: { kind: 'DOCKER_IMAGE', name: 'ruby' }, alias: true },
      { code: 'INVALID', field: 'alias' },
    ],
    [
      { from: fromTag('app:latest'), scheduled: true },
      { code: 'INVALID', field: 'scheduled' },
    ],
    [
      { tag: '', from: fromTag('app:latest') },
      { code: 'INVALID', field: 'tag' },
    ],
    [
      { imageStream: 'a___b', from: fromTag('app:latest') },
      { code: 'INVALID', field: 'imageStream' },
    ],
  ])('is refused for %j, and changes nothing', async (input, expected) => {
    const { app } = followed()
    const before = await picture(app)

    expect(await refused(app, 'tagImage', { imageStream: 'shop', tag: 'prod', ...input })).toEqual([expected])
    expect(await picture(app)).toEqual(before)
  })

  test('is INVALID where a tag would follow itself, and the message names the cycle', async () => {
    await using it = await startWithUpstream()
    await tagImage(it.app, { imageStream: 'b', tag: '2', from: fromTag('a:1'), alias: true })
    const before = await picture(it.app)

    const input = { imageStream: 'a', tag: '1', from: fromTag('b:2'), alias: true }
    const { errors } = await it.app.client.execute(TAG_IMAGE, { input })
    expect(errors).toMatchObject([
      {
        message: 'a tag cannot follow itself: a:1 → b:2 → a:1',
        extensions: { code: 'INVALID', field: 'from.name' },
      },
    ])
    const tags = [{ name: '1', from: fromTag('b:2') }]
    expect(await refused(it.app, 'createImageStream', { name: 'a', spec: { tags } })).toEqual([
      { code: 'INVALID', field: 'spec.tags.0.from.name' },
    ])
    expect(await picture(it.app)).toEqual(before)
  })
})

describe('untagImage', () => {
  test('removes the tag from spec and status, and tags that followed it keep their images', async () => {
    await using it = await startWithUpstream()
    await follow(it.app.client, it.repository)
    await tagImage(it.app, { imageStream: 'app', tag: 'stable', from: fromTag('latest'), alias: true })
    await tagImage(it.app, { imageStream: 'shop', tag: 'base', from: fromTag('app:stable'), alias: true })

    expect(await untagImage(it.app, { imageStream: 'app', tag: 'stable' })).toEqual({
      untagImage: {
        imageStream: {
          name: 'app',
          generation: 3,
          spec: { tags: { nodes: [] } },
          tags: { nodes: [{ tag: 'latest' }, { tag: '1.0' }] },
        },
      },
    })
    expect(await history(it.app.client, 'app:stable')).toEqual([])
    expect(await history(it.app.client, 'shop:base')).toEqual([one.digest])
  })

  test.each([
    [{ imageStream: 'none', tag: 'latest' }, { code: 'NOT_FOUND' }],
    [{ imageStream: 'app', tag: 'none' }, { code: 'NOT_FOUND' }],
    [{ imageStream: 'app', tag: 'latest', namespace: 'elsewhere' }, { code: 'NOT_FOUND' }],
    [
      { imageStream: 'app', tag: ':' },
      { code: 'INVALID', field: 'tag' },
    ],
  ])('is refused for %j, and changes nothing', async (input, expected) => {
    const { app } = followed()
    const before = await picture(app)

    expect(await refused(app, 'untagImage', input)).toEqual([expected])
    expect(await picture(app)).toEqual(before)
  })
})

test('a push to the integrated registry changes the tags that follow, and subscribers receive both', async () => {
  await using app = await startApp()
  const tags = [{ name: 'base', from: fromTag('web:1') }]
  await createStream(app.client, { name: 'shop', spec: { tags } })
  const registry = new PushClient(app.app.url)
  await registry.push({ repository: 'default/other', tag: '1' }, one, 'one POST')
  const pushes = app.client.follow<{ imagePushed: object }>(
    `subscription ($since: String) { imagePushed(since: $since) {
      source imageStreamName tag image { digest } previousImage { digest } } }`,
    { since: await endOfLog(app.client) },
  )
  await registry.push({ repository: 'default/web', tag: '1' }, one, 'one POST')
  await registry.push({ repository: 'default/web', tag: '1' }, two, 'one POST')

  const received: object[] = []
  for await (const { imagePushed } of pushes) if (received.push(imagePushed) === 4) break
  const entry = (source: string, imageStreamName: string, tag: string, now: string, before?: string) => ({
    source,
    imageStreamName,
    tag,
    image: { digest: now },
    previousImage: before ? { digest: before } : null,
  })
  expect(received).toEqual([
    entry('REGISTRY', 'web', '1', one.digest),
    entry('TAG', 'shop', 'base', one.digest),
    entry('REGISTRY', 'web', '1', two.digest, one.digest),
    entry('TAG', 'shop', 'base', two.digest, one.digest),
  ])
})
