import { expect, test } from 'vitest'
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
