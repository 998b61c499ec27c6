import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { OCI_INDEX } from '../../src/oci/media-types.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { Attached, artifact, asImage } from '../fixtures/artifacts.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { type Content, type Image, image, index } from '../fixtures/random-image.ts'
import { createReceiver } from '../fixtures/receiver.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { json } from '../fixtures/upstream-response.ts'
import { createStream, errorsOf, importImage, resultsOf } from '../flows/operations.ts'

const NUL = String.fromCharCode(0)
const ESCAPE = String.fromCharCode(27)
const DELETE = String.fromCharCode(127)
const NEXT_LINE = String.fromCharCode(0x85)
const DENIED = [NUL, ESCAPE, DELETE, NEXT_LINE]

const one = image({ seed: 'one' })

let server: TestApp
let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
  server = await startApp()
  await createStream(server.client, { name: 'app' })
  await new PushClient(server.app.url).push({ repository: 'team/known', tag: 'v1' }, one, 'one POST')
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

/** The image with other fields in its manifest. */
function withFields(content: Image, more: object): Image {
  const bytes = Buffer.from(JSON.stringify({ ...JSON.parse(content.bytes.toString()), ...more }))
  return { ...content, bytes, digest: digestOf(bytes) }
}

/** The image with another config. */
function withConfig(content: Image, more: object): Image {
  const bytes = Buffer.from(JSON.stringify({ ...JSON.parse(content.config.bytes.toString()), ...more }))
  const config: Content = { ...content.config, bytes, digest: digestOf(bytes) }
  const { mediaType, digest } = config
  return { ...withFields(content, { config: { mediaType, digest, size: bytes.length } }), config }
}

describe('in an argument of the API', () => {
  test.each<[string, (text: string) => string, string]>([
    [
      'a filter',
      (text) => `{ image(digest: "${one.digest}") { referrers(artifactType: "${text}") { totalCount } } }`,
      'artifactType',
    ],
    ['a name', (text) => `{ imageStream(name: "${text}") { name } }`, 'name'],
    ['an id', (text) => `{ node(id: "${text}") { id } }`, 'id'],
    ['a cursor', (text) => `{ imageStreams(after: "${text}") { totalCount } }`, 'after'],
    [
      'a value of an annotation',
      (text) =>
        `mutation { createImageStream(input: { name: "new", annotations: [{ key: "a", value: "${text}" }] }) { imageStream { id } } }`,
      'annotations.0.value',
    ],
    [
      'a source',
      (text) =>
        `mutation { updateImageStream(input: { imageStream: "app", spec: { tags: [{ name: "a", from: { kind: DOCKER_IMAGE, name: "${text}" } }] } }) { imageStream { id } } }`,
      'spec.tags.0.from.name',
    ],
    [
      'a document',
      (text) => `mutation { applyImageStream(input: { documents: "${text}" }) { results { action } } }`,
      'documents',
    ],
  ])('%s is INVALID', async (_what, operation, field) => {
    for (const character of DENIED) {
      const escaped = `a\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}b`
      expect(errorsOf(await server.client.execute(operation(escaped)))).toEqual([{ code: 'INVALID', field }])
    }
  })

  test('it is INVALID in a variable too, and the message shows its number only', async () => {
    const response = await server.client.execute(
      'mutation ($input: CreateImageStreamInput!) { createImageStream(input: $input) { imageStream { id } } }',
      { input: { name: 'new', labels: [{ key: `a${NUL}`, value: 'b' }] } },
    )
    expect(response.errors).toMatchObject([
      {
        message: 'labels.0.key has the control character U+0000: remove it',
        extensions: { code: 'INVALID', field: 'labels.0.key' },
      },
    ])
  })

  test('tabs and line breaks of a text are accepted', async () => {
    const annotations = [{ key: 'note', value: 'one\ttwo\r\nthree' }]
    await createStream(server.client, { name: 'noted', annotations })

    const { imageStream } = await server.client.request<{ imageStream: { annotations: object[] } }>(
      '{ imageStream(name: "noted") { annotations { key value } } }',
    )
    expect(imageStream.annotations).toEqual(annotations)
  })

  test.each([
    ['username', '\n'],
    ['password', NUL],
  ])('a %s of a registry is INVALID', async (field, character) => {
    const login = { username: 'ci', password: 'swordfish', [field]: `swordfish${character}` }
    const response = await server.client.execute(
      'mutation ($input: SetRegistryCredentialInput!) { setRegistryCredential(input: $input) { registryCredential { kind } } }',
      { input: { prefix: 'quay.io', ...login } },
    )
    expect(errorsOf(response)).toEqual([{ code: 'INVALID', field }])
  })
})

describe('in a document', () => {
  const DOCUMENT = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream' }
  test.each<[string, string]>([
    [
      'an annotation of JSON',
      JSON.stringify({ ...DOCUMENT, metadata: { name: 'new', annotations: { a: `b${NUL}` } } }),
    ],
    [
      'an annotation of YAML',
      'apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata:\n  name: new\n  annotations: {a: "b\\0"}\n',
    ],
    [
      'a field that is not stored',
      JSON.stringify({ ...DOCUMENT, metadata: { name: 'new' }, more: { [`x${ESCAPE}`]: 1 } }),
    ],
  ])('%s is INVALID, with its place', async (_what, documents) => {
    const response = await server.client.execute(
      'mutation ($input: ApplyImageStreamInput!) { applyImageStream(input: $input) { results { action } } }',
      { input: { documents } },
    )
    expect(errorsOf(response)).toMatchObject([{ code: 'INVALID' }])
    expect(response.errors?.[0]?.message).toMatch(/has the control character U\+00(?:00|1B): remove it/)
  })
})

const MANIFESTS: readonly [string, Image, RegExp][] = [
  ['the artifact type', withFields(one, { artifactType: `a${NUL}b` }), /media type has a control character/],
  [
    'a line break in the artifact type',
    withFields(one, { artifactType: 'a\nb' }),
    /media type has a control/,
  ],
  [
    'an annotation',
    withFields(one, { annotations: { note: `a${ESCAPE}b` } }),
    /annotations\.note\\*" has the .*U\+001B/,
  ],
  [
    'a key of an annotation',
    withFields(one, { annotations: { [`a${DELETE}`]: '' } }),
    /annotations\.a\?\\*" has .*U\+007F/,
  ],
  [
    'a field of no standard',
    withFields(one, { more: [{ deep: NEXT_LINE }] }),
    /more\.0\.deep\\*" has .*U\+0085/,
  ],
  [
    'NUL in the config',
    withConfig(one, { config: { Labels: { a: `b${NUL}` } } }),
    /config has a text with NUL/,
  ],
]

describe('in a manifest', () => {
  test.each(MANIFESTS)('that is pushed, %s is MANIFEST_INVALID', async (_what, content, message) => {
    const push = new PushClient(server.app.url).push(
      { repository: 'team/pushed', tag: 'v1' },
      content,
      'one POST',
    )
    await expect(push).rejects.toThrow(/400 .*MANIFEST_INVALID/)
    await expect(push).rejects.toThrow(message)
  })

  test.each(MANIFESTS)('that is imported, %s is INVALID_MANIFEST', async (_what, content, message) => {
    upstream.push('team/hostile', 'latest', content)
    const from = { kind: 'DOCKER_IMAGE', name: `${upstream.host}/team/hostile:latest` }
    const imported = await importImage(server.client, { tag: 'hostile', from: from.name })

    const [result] = await resultsOf(server.client, imported)
    expect(result).toMatchObject({ state: 'FAILED', reason: 'INVALID_MANIFEST' })
    expect(result?.message).toMatch(message)
    const { image: stored } = await server.client.request<{ image: unknown }>(
      `{ image(digest: "${content.digest}") { digest } }`,
    )
    expect(stored).toBeNull()
  })

  test('that an index names, a platform is INVALID_MANIFEST', async () => {
    const platform = { os: 'linux', architecture: `a${NUL}` }
    upstream.push('team/hostile', 'index', index([{ ...one, platform }]))
    const imported = await importImage(server.client, {
      tag: 'index',
      from: `${upstream.host}/team/hostile:index`,
      importMode: 'PRESERVE_ORIGINAL',
    })
    expect(await resultsOf(server.client, imported)).toMatchObject([{ reason: 'INVALID_MANIFEST' }])
  })

  test('terminal codes in a command are kept', async () => {
    const cmd = ['printf', `${ESCAPE}[31m`]
    const content = withConfig(one, { config: { Cmd: cmd } })
    await new PushClient(server.app.url).push({ repository: 'team/pushed', tag: 'red' }, content, 'one POST')
    const { image: found } = await server.client.request<{ image: { config: { cmd: string[] } } }>(
      `{ image(digest: "${content.digest}") { config { cmd } } }`,
    )
    expect(found.config.cmd).toEqual(cmd)
  })
})

describe('in a list of a registry', () => {
  test('a tag is omitted', async () => {
    upstream.push('team/listed', 'good', one)
    upstream.hook = ({ path }) =>
      path.endsWith('/tags/list') ? json(200, { tags: ['good', `bad${NUL}`, 'bad\n'] }) : undefined
    const imported = await createStream(server.client, {
      name: 'listed',
      spec: { dockerImageRepository: `${upstream.host}/team/listed` },
    })
    upstream.hook = undefined
    expect(imported.import).toMatchObject({ state: 'SUCCEEDED', total: 1, imported: 1 })
  })

  test('a referrer is omitted', async () => {
    const attached = new Attached(upstream, 'team/listed')
    const good = attached.add(artifact({ subject: one, artifactType: 'application/spdx+json' }))
    const bad = artifact({ subject: one, artifactType: `a${NUL}b` })
    upstream.hook = (request) =>
      /referrers/.test(request.path)
        ? json(
            200,
            {
              schemaVersion: 2,
              mediaType: OCI_INDEX,
              manifests: [good, bad].map(({ mediaType, digest, bytes, artifactType }) => ({
                mediaType,
                digest,
                size: bytes.length,
                artifactType,
              })),
            },
            { 'content-type': OCI_INDEX },
          )
        : undefined

    const { imageStreamTag } = await server.client.request<{
      imageStreamTag: { referrers: { nodes: { digest: string }[] } }
    }>('{ imageStreamTag(name: "listed:good") { referrers { nodes { digest } } } }')
    upstream.hook = undefined

    expect(imageStreamTag.referrers.nodes).toEqual([{ digest: asImage(good).digest }])
  })
})

test('in a delivery to a receiver, a repository or a tag is left out', async () => {
  const { url, secret } = await createReceiver(server.client, { sender: 'GENERIC', registry: 'quay.io' })
  for (const [repository, tag] of [
    [`team/app${NUL}`, 'v1'],
    ['team/app', `v1${ESCAPE}`],
  ]) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ repository, tag }),
    })
    expect(response.status).toBeLessThan(300)
    expect(await response.json()).not.toMatchObject({ outcome: 'ACCEPTED' })
  }
})

describe('in a setting', () => {
  test('the keys of credentials may be separated by line breaks', () => {
    const read = (text: string) => readConfig([], { IMAGESTREAMS_CREDENTIALS_KEY: text })

    expect(read('one\ntwo\n')).toMatchObject({ credentialsKey: 'one\ntwo\n' })
    expect(() => read(`one${NUL}`)).toThrow(/IMAGESTREAMS_CREDENTIALS_KEY\) has a control character/)
  })

  test.each([
    ['--registry-host', 'registry.example.org'],
    ['--allowed-origins', 'https://ci.example.org'],
    ['--ca-file', '/etc/ca.pem'],
    ['--data', '/var/data'],
    ['--webhook-secret', 'correct horse battery staple'],
  ])('%s is refused', (flag, value) => {
    const variable = `IMAGESTREAMS_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`
    for (const character of [...DENIED, '\n', '\t']) {
      for (const read of [
        () => readConfig([`${flag}=${value}${character}`], {}),
        () => readConfig([], { [variable]: `${value}${character}` }),
      ]) {
        expect(read).toThrow(`${flag} (${variable}) has a control character, such as a line break: remove it`)
      }
    }
  })
})
