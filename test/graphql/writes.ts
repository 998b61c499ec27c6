import { expect } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { errorsOf } from '../flows/operations.ts'

/** The image of every tag of `team/app`. */
export const one = image({ seed: 1 })

/** An empty server, and a registry with `team/app`. */
export async function startWithUpstream() {
  const upstream = await startUpstream()
  for (const tag of ['latest', '1.0']) upstream.push('team/app', tag, one)
  const app = await startApp()
  return {
    upstream,
    app,
    repository: `${upstream.host}/team/app`,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

const MUTATIONS = {
  createImageStream: ['CreateImageStreamInput', 'imageStream { id }'],
  importImage: ['ImportImageInput', 'import { id }'],
  updateImageStream: ['UpdateImageStreamInput', 'imageStream { id }'],
  deleteImageStream: ['DeleteImageStreamInput', 'deletedId'],
  tagImage: ['TagImageInput', 'imageStreamTag { id }'],
  untagImage: ['UntagImageInput', 'imageStream { id }'],
} as const

/** Runs a mutation with an input of its own type, as `UntagImageInput` for `untagImage`. */
export const mutate = (
  { client }: TestApp,
  name: string,
  input: object,
  selection: string,
): Promise<object> => {
  const type = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input`
  return client.request(`mutation ($input: ${type}!) { ${name}(input: $input) { ${selection} } }`, { input })
}

/** Returns code and field of a mutation's errors; expects no data. */
export async function refused(
  { client }: TestApp,
  mutation: keyof typeof MUTATIONS,
  input: object,
): Promise<readonly object[]> {
  const [type, selection] = MUTATIONS[mutation]
  const response = await client.execute(
    `mutation ($input: ${type}!) { ${mutation}(input: $input) { ${selection} } }`,
    { input },
  )
  expect(response.data ?? null).toBeNull()
  return errorsOf(response)
}

/** Returns all fields of the stream that a mutation may change. */
export async function picture({ client }: TestApp): Promise<unknown> {
  return client.request('{ imageStreams { nodes { document } } imagePushes { nodes { cursor } } }')
}
