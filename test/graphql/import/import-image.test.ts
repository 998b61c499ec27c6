import { describe, expect, test } from 'vitest'
import { image } from '../../fixtures/random-image.ts'
import { createStream, importImage, pushLog, tagDigests } from '../../flows/operations.ts'
import { one, picture, refused, startWithUpstream } from '../writes.ts'

const two = image({ seed: 2 })

describe('importImage', () => {
  test('is NOT_FOUND for an unknown stream, unless confirm creates it', async () => {
    await using it = await startWithUpstream()
    const input = { imageStream: 'app', from: `${it.repository}:1.0` }

    expect(await refused(it.app, 'importImage', input)).toEqual([{ code: 'NOT_FOUND' }])
    expect(it.upstream.log).toEqual([])
    const imported = await importImage(it.app.client, { ...input, confirm: true })

    expect(imported).toMatchObject({ state: 'SUCCEEDED', total: 1, imported: 1 })
    expect(await tagDigests(it.app.client)).toEqual(new Map([['1.0', one.digest]]))
  })

  test('makes the imported reference the source of the tag, which later imports use', async () => {
    await using it = await startWithUpstream()
    await createStream(it.app.client)
    await importImage(it.app.client, { tag: 'stable', from: `${it.repository}:latest`, scheduled: true })
    it.upstream.push('team/app', 'latest', two)

    const again = await importImage(it.app.client, { tag: 'stable' })

    expect(again).toMatchObject({ total: 1, imported: 1 })
    const { imageStreamTag } = await it.app.client.request<{ imageStreamTag: object }>(
      '{ imageStreamTag(name: "app:stable") { image { digest } spec { from { kind name } importPolicy { scheduled } generation } } }',
    )
    expect(imageStreamTag).toEqual({
      image: { digest: two.digest },
      spec: {
        from: { kind: 'DOCKER_IMAGE', name: `${it.repository}:latest` },
        importPolicy: { scheduled: true },
        generation: 2,
      },
    })
  })

  test('with all makes it the source of the stream; a tag alone is imported from that repository', async () => {
    await using it = await startWithUpstream()
    await importImage(it.app.client, { from: it.repository, all: true, confirm: true })
    for (const tag of ['latest', '1.0']) it.upstream.push('team/app', tag, two)
    it.upstream.reset()

    const again = await importImage(it.app.client, { tag: '1.0' })

    expect(again).toMatchObject({ total: 1, imported: 1 })
    expect(it.upstream.requests.listing).toBe(0)
    expect(await tagDigests(it.app.client)).toEqual(
      new Map([
        ['latest', one.digest],
        ['1.0', two.digest],
      ]),
    )
  })

  test('does not replace the source of a tag unless replaceSource is true, and names both', async () => {
    await using it = await startWithUpstream()
    await createStream(it.app.client)
    await importImage(it.app.client, { tag: 'base', from: `${it.repository}:latest` })
    await it.app.client.request(
      `mutation { tagImage(input: { imageStream: "app", tag: "latest", alias: true,
        from: { kind: IMAGE_STREAM_TAG, name: "app:base" } }) { imageStreamTag { id } } }`,
    )
    const before = await picture(it.app)
    const response = await it.app.client.execute(
      'mutation ($input: ImportImageInput!) { importImage(input: $input) { import { id } } }',
      { input: { imageStream: 'app', tag: 'latest', from: `${it.repository}:1.0`, confirm: true } },
    )

    expect(response.errors).toMatchObject([
      {
        message: `the tag "latest" points to the tag "base" which points to "${it.repository}:latest": replaceSource: true, or tagImage, changes the source to "${it.repository}:1.0"`,
        extensions: { code: 'INVALID', field: 'from' },
      },
    ])
    expect(await picture(it.app)).toEqual(before)

    it.upstream.push('team/app', 'latest', two)
    expect(await importImage(it.app.client, { tag: 'latest' })).toMatchObject({
      state: 'SUCCEEDED',
      imported: 1,
    })
    expect(await tagDigests(it.app.client)).toEqual(
      new Map([
        ['latest', two.digest],
        ['base', two.digest],
      ]),
    )
    await importImage(it.app.client, { tag: 'latest', from: `${it.repository}:1.0`, replaceSource: true })
    expect((await tagDigests(it.app.client)).get('latest')).toBe(one.digest)
  })

  test('in a dry run reports the outcome, even for an unknown stream', async () => {
    await using it = await startWithUpstream()
    const { importImage: dry } = await it.app.client.request<{ importImage: object }>(
      `mutation ($from: String!) { importImage(input: { imageStream: "app", from: $from, all: true, confirm: true, dryRun: true }) {
        imageStream { id } import { state imported imageStream { id } results { totalCount nodes { tag state image { digest config { env } } } } } } }`,
      { from: it.repository },
    )

    const found = {
      state: 'IMPORTED',
      image: { digest: one.digest, config: { env: expect.arrayContaining(['SEED=1']) } },
    }
    expect(dry).toEqual({
      imageStream: null,
      import: {
        state: 'SUCCEEDED',
        imported: 2,
        imageStream: null,
        results: {
          totalCount: 2,
          nodes: [
            { tag: 'latest', ...found },
            { tag: '1.0', ...found },
          ],
        },
      },
    })
    expect(await it.app.client.request('{ imageStreams { totalCount } }')).toEqual({
      imageStreams: { totalCount: 0 },
    })
    expect(await pushLog(it.app.client)).toEqual([])
    expect(
      await it.app.client.request('query ($digest: Digest!) { image(digest: $digest) { id } }', {
        digest: one.digest,
      }),
    ).toEqual({ image: null })
  })

  test.each([
    [{}, 'imageStream'],
    [{ all: true }, 'all'],
    [{ tag: 'x' }, 'tag'],
    [{ tag: 'x', all: true, from: 'quay.io/a/b' }, 'tag'],
    [{ all: true, from: 'quay.io/a/b', referencePolicy: 'LOCAL' }, 'referencePolicy'],
  ])('refuses %j for a stream without a source, naming the argument', async (args, field) => {
    await using it = await startWithUpstream()
    await createStream(it.app.client)
    const before = await picture(it.app)

    expect(await refused(it.app, 'importImage', { imageStream: 'app', ...args })).toEqual([
      { code: 'INVALID', field },
    ])

    expect(await picture(it.app)).toEqual(before)
  })
})
