import { describe, expect, test } from 'vitest'
import { startApp } from '../../fixtures/app.ts'

test('of several mutations in an operation those before a failed one are stored, without data, and those after it do not run', async () => {
  await using app = await startApp()
  const create = (name: string) => `createImageStream(input: { name: "${name}" }) { imageStream { name } }`

  const response = await app.client.execute(
    `mutation { first: ${create('one')} again: ${create('one')} last: ${create('two')} }`,
  )

  expect(response).toMatchObject({
    data: null,
    errors: [{ path: ['again'], extensions: { code: 'ALREADY_EXISTS' } }],
  })
  expect(await app.client.request('{ imageStreams { nodes { name } } }')).toEqual({
    imageStreams: { nodes: [{ name: 'one' }] },
  })
})

describe('several mutations in an operation are limited by their work, before the first one runs', () => {
  const CREATE = 'createImageStream(input: { name: "app" }) { imageStream { name } }'
  const repeated = (count: number, field: string) =>
    Array.from({ length: count }, (_, at) => `m${at}: ${field}`).join(' ')

  test.each([
    ['prunings', 4, 'pruneImages(input: {}) { plan { __typename } }'],
    ['imports', 40, 'importImage(input: { imageStream: "app" }) { import { id } }'],
    ['logins at registries', 40, 'testRegistryCredential(input: { prefix: "ghcr.io" }) { outcome }'],
    ['documents', 10, 'applyImageStream(input: { documents: "{}" }) { results { action } }'],
    ['logins of a docker config', 10, 'importDockerConfig(input: { config: "{}" }) { skipped { key } }'],
  ])('%s', async (_, count, field) => {
    await using app = await startApp()
    const { errors } = await app.client.execute(`mutation { ${CREATE} ${repeated(count, field)} }`)

    expect(errors).toMatchObject([{ extensions: { code: 'TOO_COMPLEX' } }])
    expect(await app.client.request('{ imageStreams { totalCount } }')).toEqual({
      imageStreams: { totalCount: 0 },
    })
  })

  test('but not fifty promotions of tags', async () => {
    await using app = await startApp()
    const promotion =
      'tagImage(input: { imageStream: "app", tag: "a", from: { kind: IMAGE_STREAM_TAG, name: "app:b" } }) { __typename }'
    const { errors } = await app.client.execute(`mutation { ${CREATE} ${repeated(49, promotion)} }`)

    expect(errors).toMatchObject([{ path: ['m0'], extensions: { code: 'NOT_FOUND' } }])
  })
})
