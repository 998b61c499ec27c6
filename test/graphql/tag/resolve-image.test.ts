import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../../fixtures/upstream.ts'
import { createStream, errorsOf, importImage } from '../../flows/operations.ts'

const { digest } = image({ seed: 1 })

let upstream: Upstream
let app: TestApp
let ownHost: string
beforeAll(async () => {
  upstream = await startUpstream()
  app = await startApp()
  ownHost = `localhost:${new URL(app.app.url).port}`
  upstream.push('library/ruby', '3.3', image({ seed: 1 }))
  const from = { kind: 'DOCKER_IMAGE', name: `${upstream.host}/library/ruby:3.3` }
  await createStream(app.client, {
    name: 'ruby',
    spec: {
      lookupPolicy: { local: true },
      tags: [
        { name: '3.3', from },
        { name: 'local', from, referencePolicy: { type: 'LOCAL' } },
      ],
    },
  })
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const resolve = (name: string, namespace = 'default') =>
  app.client.execute<{ resolveImage: unknown }>(
    `query ($name: String!, $namespace: String!) { resolveImage(name: $name, namespace: $namespace) {
      dockerImageReference isResolved isPending source message image { digest config { env } }
      imageStreamTag { name dockerImageReference imageStream { name } } } }`,
    { name, namespace },
  )

test('a bare name of a stream with local lookup resolves to its tag, as a pull spec by digest', async () => {
  const dockerImageReference = `${upstream.host}/library/ruby@${digest}`

  expect(await resolve('ruby:3.3')).toMatchObject({
    data: {
      resolveImage: {
        dockerImageReference,
        isResolved: true,
        isPending: false,
        source: 'IMAGE_STREAM',
        message: null,
        image: { digest },
        imageStreamTag: { name: 'ruby:3.3', dockerImageReference, imageStream: { name: 'ruby' } },
      },
    },
  })
})

test('with the policy Local it resolves to the integrated registry’s pull spec, like the tag itself', async () => {
  const dockerImageReference = `${ownHost}/default/ruby@${digest}`

  expect((await resolve('ruby:local')).data.resolveImage).toMatchObject({
    dockerImageReference,
    isResolved: true,
    imageStreamTag: { dockerImageReference },
  })
})

test('a tag that such a stream does not have yet resolves to the stream’s own pull spec, marked as pending', async () => {
  const { data, errors } = await resolve('ruby:9.9')

  expect(errors).toBeUndefined()
  expect(data.resolveImage).toEqual({
    dockerImageReference: `${ownHost}/default/ruby:9.9`,
    isResolved: false,
    isPending: true,
    source: 'IMAGE_STREAM',
    message: expect.stringContaining('default/ruby has no tag "9.9"'),
    image: null,
    imageStreamTag: null,
  })
})

test('the own pull spec of a tag that does not exist yet can be pulled once the tag has an image', async () => {
  const { data } = await resolve('ruby:next')
  const manifest = `http://${ownHost}/v2/default/ruby/manifests/next`
  const accept = { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } }

  expect(data.resolveImage).toMatchObject({
    dockerImageReference: `${ownHost}/default/ruby:next`,
    isPending: true,
  })
  expect((await fetch(manifest, accept)).status).toBe(404)
  await importImage(app.client, {
    imageStream: 'ruby',
    tag: 'next',
    from: `${upstream.host}/library/ruby:3.3`,
    referencePolicy: 'LOCAL',
  })

  const pulled = await fetch(manifest, accept)
  expect([pulled.status, pulled.headers.get('docker-content-digest')]).toEqual([200, digest])
  expect((await resolve('ruby:next')).data.resolveImage).toMatchObject({
    isPending: false,
    image: { digest },
  })
})

test('any other name is the reference itself, and no registry is requested', async () => {
  upstream.reset()

  expect((await resolve('ruby:3.3', 'team')).data.resolveImage).toEqual({
    dockerImageReference: 'docker.io/library/ruby:3.3',
    isResolved: false,
    isPending: false,
    source: 'REFERENCE',
    message: null,
    image: null,
    imageStreamTag: null,
  })
  expect((await resolve(`${upstream.host}/library/ruby:3.3@${digest}`)).data.resolveImage).toMatchObject({
    dockerImageReference: `${upstream.host}/library/ruby@${digest}`,
    isResolved: true,
    image: { digest },
  })
  expect(upstream.requests).toMatchObject({ listing: 0, head: 0, manifest: 0 })
})

test('an invalid reference or namespace is INVALID', async () => {
  expect(errorsOf(await resolve('Ruby'))).toEqual([{ code: 'INVALID', field: 'name' }])
  expect(errorsOf(await resolve('ruby', 'No'))).toEqual([{ code: 'INVALID', field: 'namespace' }])
})
