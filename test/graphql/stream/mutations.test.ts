import { describe, expect, test } from 'vitest'
import {
  createStream,
  deleteStream,
  follow,
  importImage,
  pushLog,
  tagDigests,
} from '../../flows/operations.ts'
import { one, picture, refused, startWithUpstream } from '../writes.ts'

describe('createImageStream', () => {
  test('is ALREADY_EXISTS for a name that is taken, and changes nothing', async () => {
    await using it = await startWithUpstream()
    await createStream(it.app.client, { labels: [{ key: 'a', value: 'b' }] })
    const before = await picture(it.app)

    const input = { name: 'app', spec: { dockerImageRepository: it.repository } }
    expect(await refused(it.app, 'createImageStream', input)).toEqual([{ code: 'ALREADY_EXISTS' }])

    expect(await picture(it.app)).toEqual(before)
    expect(it.upstream.requests.listing).toBe(0)
  })

  test('accepts the same name in another namespace, and again once the first is deleted', async () => {
    await using it = await startWithUpstream()
    const first = await createStream(it.app.client)

    await createStream(it.app.client, { namespace: 'other' })
    await deleteStream(it.app.client)
    const again = await createStream(it.app.client)

    expect(again.imageStream.id).not.toBe(first.imageStream.id)
  })

  test('imports nothing when there is nothing to import', async () => {
    await using it = await startWithUpstream()

    const reference = { kind: 'DOCKER_IMAGE', name: `${it.repository}:latest` }
    const tags = [{ name: 'pushed' }, { name: 'passed-on', from: reference, reference: true }]
    expect((await createStream(it.app.client, { spec: { tags } })).import).toBeNull()

    expect(await tagDigests(it.app.client)).toEqual(new Map())
    expect(it.upstream.log).toEqual([])
  })

  test.each([
    [{ tags: [{ name: 'a', reference: true }] }, 'spec.tags.0.reference'],
    [{ tags: [{ name: 'a', from: { kind: 'IMAGE_STREAM_TAG', name: 'b:' } }] }, 'spec.tags.0.from.name'],
    [{ tags: [{ name: 'a', from: { kind: 'IMAGE_STREAM_TAG', name: 'app:a' } }] }, 'spec.tags.0.from.name'],
    [{ tags: [{ name: 'a', from: { kind: 'IMAGE_STREAM_IMAGE', name: 'b:c' } }] }, 'spec.tags.0.from.name'],
    [
      { tags: [{ name: 'a', from: { kind: 'IMAGE_STREAM_TAG', name: 'b:c', namespace: 'B' } }] },
      'spec.tags.0.from.namespace',
    ],
  ])('refuses the spec %j, naming the field', async (spec, field) => {
    await using it = await startWithUpstream()

    expect(await refused(it.app, 'createImageStream', { name: 'app', spec })).toEqual([
      { code: 'INVALID', field },
    ])
    expect(await it.app.client.request('{ imageStreams { totalCount } }')).toEqual({
      imageStreams: { totalCount: 0 },
    })
  })
})

describe('waitSeconds', () => {
  test.each([-1, 301, 2 ** 31 - 1])('%i is INVALID, and no import starts', async (waitSeconds) => {
    await using it = await startWithUpstream()
    const expected = [{ code: 'INVALID', field: 'waitSeconds' }]
    const spec = { dockerImageRepository: it.repository }

    expect(await refused(it.app, 'createImageStream', { name: 'app', spec, waitSeconds })).toEqual(expected)
    const input = { imageStream: 'app', from: it.repository, all: true, confirm: true, waitSeconds }
    expect(await refused(it.app, 'importImage', input)).toEqual(expected)

    expect(await it.app.client.request('{ imageStreams { totalCount } }')).toEqual({
      imageStreams: { totalCount: 0 },
    })
    expect(it.upstream.log).toEqual([])
  })

  test('1 returns the import in its present state when it takes longer', async () => {
    await using it = await startWithUpstream()
    using _gate = it.upstream.hold(({ kind }) => kind === 'head')

    const { import: unfinished } = await createStream(it.app.client, {
      spec: { dockerImageRepository: it.repository },
      waitSeconds: 1,
    })

    // on a busy machine the import may still wait in the queue
    expect(unfinished).toMatchObject({
      state: expect.stringMatching(/^(?:PENDING|RUNNING)$/),
      imported: 0,
      finishedAt: null,
    })
  })

  test('300 is allowed, and does not outlast the import', async () => {
    await using it = await startWithUpstream()
    const spec = { dockerImageRepository: it.repository }

    const { import: finished } = await createStream(it.app.client, { spec, waitSeconds: 300 })

    expect(finished).toMatchObject({ state: 'SUCCEEDED' })
  })
})

describe('deleteImageStream', () => {
  test('removes the stream with its tags, and keeps the images and the change log', async () => {
    await using it = await startWithUpstream()
    await follow(it.app.client, it.repository)
    const log = await pushLog(it.app.client)

    await deleteStream(it.app.client)

    expect(await it.app.client.request('{ imageStream(name: "app") { id } }')).toEqual({ imageStream: null })
    expect(await pushLog(it.app.client)).toEqual(log)
    expect(
      await it.app.client.request(
        'query ($digest: Digest!) { image(digest: $digest) { digest tags { totalCount } } }',
        {
          digest: one.digest,
        },
      ),
    ).toEqual({ image: { digest: one.digest, tags: { totalCount: 0 } } })
  })

  test('ends a running import, which writes nothing more', async () => {
    await using it = await startWithUpstream()
    using gate = it.upstream.hold(({ kind }) => kind === 'head')
    await createStream(it.app.client, { spec: { dockerImageRepository: it.repository }, waitSeconds: 0 })
    await gate.arrived(2)

    await deleteStream(it.app.client)
    gate.open()
    await follow(it.app.client, it.repository, 'other')

    expect((await pushLog(it.app.client)).map(({ imageStreamName }) => imageStreamName)).toEqual([
      'other',
      'other',
    ])
  })

  test('is NOT_FOUND for an unknown stream, and CONFLICT for an outdated resourceVersion', async () => {
    await using it = await startWithUpstream()
    const { imageStream } = await createStream(it.app.client)
    await follow(it.app.client, it.repository, 'other')
    await importImage(it.app.client, { from: it.repository, all: true })
    const before = await picture(it.app)

    expect(await refused(it.app, 'deleteImageStream', { imageStream: 'none' })).toEqual([
      { code: 'NOT_FOUND' },
    ])
    const stale = { imageStream: 'app', resourceVersion: imageStream.resourceVersion }
    expect(await refused(it.app, 'deleteImageStream', stale)).toEqual([{ code: 'CONFLICT' }])

    expect(await picture(it.app)).toEqual(before)
  })
})
