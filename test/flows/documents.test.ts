import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { createStream, importImage } from './operations.ts'

const START = Date.UTC(2026, 0, 1)
const old = image({ seed: 'old' })
const young = image({ seed: 'young' })

async function documents(
  { client }: TestApp,
  name = 'app',
): Promise<{ json: string; yaml: string; uid: string }> {
  const { imageStream } = await client.request<{ imageStream: { json: string; yaml: string; uid: string } }>(
    'query ($name: String!) { imageStream(name: $name) { uid json: document yaml: document(format: YAML) } }',
    { name },
  )
  return imageStream
}

/** Starts a server with a stream that has labels, a failing spec tag, and a tag that moved. */
async function startWithStream() {
  let now = START
  const upstream = await startUpstream()
  const app = await startApp({}, { now: () => now })
  const repository = `${upstream.host}/team/app`
  upstream.push('team/app', 'latest', old)
  await createStream(app.client, {
    labels: [
      { key: 'team', value: 'web' },
      { key: 'app', value: 'shop' },
    ],
    annotations: [{ key: 'example.org/note', value: 'a: "b"\nc' }],
    spec: {
      dockerImageRepository: repository,
      lookupPolicy: { local: true },
      tags: [{ name: 'gone', from: { kind: 'DOCKER_IMAGE', name: `${repository}:gone` } }],
    },
  })
  now += 90_500
  upstream.push('team/app', 'latest', young)
  await importImage(app.client)
  return {
    app,
    repository,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe('the document of a stream', () => {
  test('is an OpenShift ImageStream with all its fields', async () => {
    await using it = await startWithStream()

    const { json, uid } = await documents(it.app)

    const document = JSON.parse(json)
    expect(document).toEqual({
      apiVersion: 'image.openshift.io/v1',
      kind: 'ImageStream',
      metadata: {
        annotations: {
          'example.org/note': 'a: "b"\nc',
          'openshift.io/image.dockerRepositoryCheck': '2026-01-01T00:01:30Z',
        },
        creationTimestamp: '2026-01-01T00:00:00Z',
        generation: 1,
        labels: { app: 'shop', team: 'web' },
        name: 'app',
        namespace: 'default',
        resourceVersion: expect.stringMatching(/^\d+$/),
        uid,
      },
      spec: {
        dockerImageRepository: it.repository,
        lookupPolicy: { local: true },
        tags: [
          {
            annotations: null,
            from: { kind: 'DockerImage', name: `${it.repository}:gone` },
            generation: 1,
            importPolicy: { importMode: 'Legacy' },
            name: 'gone',
            referencePolicy: { type: 'Source' },
          },
        ],
      },
      status: {
        dockerImageRepository: `localhost:${new URL(it.app.app.url).port}/default/app`,
        tags: [
          {
            conditions: [
              {
                generation: 1,
                lastTransitionTime: '2026-01-01T00:00:00Z',
                message: expect.stringContaining('team/app'),
                reason: 'NotFound',
                status: 'False',
                type: 'ImportSuccess',
              },
            ],
            items: null,
            tag: 'gone',
          },
          {
            items: [
              {
                created: '2026-01-01T00:01:30Z',
                dockerImageReference: `${it.repository}@${young.digest}`,
                generation: 1,
                image: young.digest,
              },
              {
                created: '2026-01-01T00:00:00Z',
                dockerImageReference: `${it.repository}@${old.digest}`,
                generation: 1,
                image: old.digest,
              },
            ],
            tag: 'latest',
          },
        ],
      },
    })
    expect(Object.keys(document)).toEqual(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
  })

  test('is indented as oc prints it, and has the same content as YAML', async () => {
    await using it = await startWithStream()

    const { json, yaml } = await documents(it.app)

    expect(json).toBe(`${JSON.stringify(JSON.parse(json), null, 4)}\n`)
    expect(yaml).toMatch(
      /^apiVersion: image\.openshift\.io\/v1\nkind: ImageStream\nmetadata:\n {2}annotations:/,
    )
    expect(parse(yaml)).toEqual(JSON.parse(json))
  })

  test('has neither tags nor labels while the stream is empty', async () => {
    await using app = await startApp({}, { now: () => START })
    await createStream(app.client, { name: 'empty' })

    const { json } = await documents(app, 'empty')

    expect(JSON.parse(json)).toMatchObject({
      spec: { lookupPolicy: { local: false } },
      status: { dockerImageRepository: `localhost:${new URL(app.app.url).port}/default/empty` },
    })
    expect(json).not.toMatch(/"(?:tags|labels|annotations)"/)
  })
})
