import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { errorsOf, importImage } from '../../flows/operations.ts'

const IMPORT = `mutation ($input: ImportDockerConfigInput!) { importDockerConfig(input: $input) {
  registryCredentials { namespace prefix kind username } skipped { key message } } }`

let app: TestApp
let namespaces = 0
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app[Symbol.asyncDispose]())

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const login = (username: string, password: string) => ({ auth: base64(`${username}:${password}`) })
const secretOf = (config: unknown, key = '.dockerconfigjson') => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'pull', namespace: 'elsewhere' },
  type: 'kubernetes.io/dockerconfigjson',
  data: { [key]: base64(JSON.stringify(config)) },
})

interface Payload {
  readonly registryCredentials: readonly { readonly [field: string]: unknown }[]
  readonly skipped: readonly { readonly key: string; readonly message: string }[]
}

const answerTo = (config: unknown, namespace = `n${namespaces++}`) =>
  app.client.execute<{ importDockerConfig: Payload }>(IMPORT, {
    input: { namespace, config: typeof config === 'string' ? config : JSON.stringify(config) },
  })
const imported = async (config: unknown, namespace?: string): Promise<Payload> => {
  const { data, errors } = await answerTo(config, namespace)
  if (!data) throw new Error(JSON.stringify(errors))
  return data.importDockerConfig
}
const listOf = async (namespace: string) =>
  (
    await app.client.request<{ registryCredentials: { nodes: object[] } }>(
      'query ($namespace: String) { registryCredentials(namespace: $namespace) { nodes { prefix } } }',
      { namespace },
    )
  ).registryCredentials.nodes

describe('importDockerConfig', () => {
  test('stores each login of a docker config, by docker’s names of registries', async () => {
    const { registryCredentials, skipped } = await imported(
      {
        auths: {
          'https://index.docker.io/v1/': login('me', 'a:b'),
          'quay.io/team': { username: 'you', password: 'c' },
          'ghcr.io': { identitytoken: 'refresh' },
          'registry.example:5000': { registrytoken: 'bearer' },
        },
        HttpHeaders: { 'User-Agent': 'Docker' },
      },
      'docker',
    )

    expect(skipped).toEqual([])
    expect(registryCredentials).toEqual([
      { namespace: 'docker', prefix: 'docker.io', kind: 'PASSWORD', username: 'me' },
      { namespace: 'docker', prefix: 'quay.io/team', kind: 'PASSWORD', username: 'you' },
      { namespace: 'docker', prefix: 'ghcr.io', kind: 'IDENTITY_TOKEN', username: null },
      { namespace: 'docker', prefix: 'registry.example:5000', kind: 'BEARER_TOKEN', username: null },
    ])
  })

  test('makes an import that requires them succeed, from a pasted Secret in YAML', async () => {
    const credentials = { username: 'me', password: 'open sesame' }
    await using upstream = await startUpstream({ auth: { scheme: 'bearer', credentials } })
    upstream.push('team/app', 'latest', image({ seed: 1 }))
    const config = base64(JSON.stringify({ auths: { [upstream.host]: login('me', 'open sesame') } }))

    await imported(
      `apiVersion: v1\nkind: Secret\nmetadata:\n  name: pull\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: >-\n    ${config.slice(0, 40)}\n    ${config.slice(40)}\n`,
      'yaml',
    )

    const from = `${upstream.host}/team/app:latest`
    const done = await importImage(app.client, { namespace: 'yaml', from, tag: 'latest', confirm: true })
    expect(done).toMatchObject({ state: 'SUCCEEDED' })
  })

  test.each([
    ['a Secret', secretOf({ auths: { 'quay.io': login('me', 'x') } })],
    ['a Secret of the old type', secretOf({ 'https://quay.io': login('me', 'x') }, '.dockercfg')],
    [
      'a Secret in the clear',
      {
        kind: 'Secret',
        stringData: { '.dockerconfigjson': JSON.stringify({ auths: { 'quay.io': login('me', 'x') } }) },
      },
    ],
  ])('accepts %s, into the given namespace', async (_what, document) => {
    expect((await imported(document, 'said')).registryCredentials).toEqual([
      { namespace: 'said', prefix: 'quay.io', kind: 'PASSWORD', username: 'me' },
    ])
  })

  test('lists the entries that it skips with reasons, without a login that an address contains', async () => {
    const { registryCredentials, skipped } = await imported({
      auths: {
        'quay.io': {},
        '*.example.org': login('me', 'x'),
        'https://me:swordfish@ghcr.io': login('me', 'x'),
        'r.example': { identitytoken: 'sword fish' },
      },
      credHelpers: { 'gcr.io': 'gcloud' },
      credsStore: 'desktop',
    })

    expect(registryCredentials).toEqual([])
    expect(skipped.map(({ key }) => key)).toEqual([
      'quay.io',
      '*.example.org',
      '***@ghcr.io',
      'r.example',
      'gcr.io',
    ])
    for (const { message } of skipped) expect(message).toMatch(/^.{10,}$/)
    expect(JSON.stringify(skipped)).not.toMatch(/fish/)
  })

  test('does not change other credentials', async () => {
    await imported({ auths: { 'quay.io': login('me', 'x'), 'ghcr.io': login('me', 'x') } }, 'both')
    await imported({ auths: { 'quay.io': login('you', 'x') } }, 'both')

    expect(await listOf('both')).toEqual([{ prefix: 'ghcr.io' }, { prefix: 'quay.io' }])
  })

  test.each([
    ['nothing', ''],
    ['a text', 'swordfish'],
    ['a list', ['swordfish']],
    ['broken JSON', '{"auths":{"quay.io":{"auth":"swordfish"'],
    ['broken YAML', 'auths:\n  quay.io: {password: swordfish\n'],
    ['an alias', 'a: &a swordfish\nb: *a\n'],
    ['a key twice', '{"auths":{},"swordfish":1,"swordfish":2}'],
    ['another document', { kind: 'ImageStream', swordfish: 1 }],
    ['two documents', 'auths: {}\n---\nauths: {}\n'],
    ['a Secret of something else', { kind: 'Secret', data: { password: base64('swordfish') } }],
    [
      'a Secret that is broken inside',
      { kind: 'Secret', data: { '.dockerconfigjson': base64('{"swordfish') } },
    ],
    ['depth', '['.repeat(20_000)],
  ])('refuses %s, and repeats nothing of it', async (_what, config) => {
    const response = await answerTo(config, 'refused')

    expect(errorsOf(response)).toEqual([{ code: 'INVALID', field: 'config' }])
    expect(JSON.stringify(response)).not.toMatch(/swordfish/)
    expect(await listOf('refused')).toEqual([])
  })
})
