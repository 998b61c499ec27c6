import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { available, type DockerRegistry, startDockerRegistry } from '../../fixtures/docker-registry.ts'
import { image, index } from '../../fixtures/random-image.ts'
import { allTags, TestClient, tag } from '../../fixtures/registry-client.ts'

// A real docker-registry 2.8.2: it behaves like the fakes of other tests, and the client can read it.

const amd64 = image({ seed: 'amd64' })
const both = index([amd64, image({ seed: 'arm64', platform: { os: 'linux', architecture: 'arm64' } })])
const NAMES = ['zebra', 'a', 'Upper', '10', '9', 'm']
const missing = available()

describe.skipIf(missing !== undefined)(missing ?? 'docker-registry 2.8.2', () => {
  let registry: DockerRegistry
  let client: TestClient
  beforeAll(async () => {
    registry = await startDockerRegistry('open', { deletable: true })
    for (const name of NAMES) await registry.push('team/app', name, amd64)
    await registry.push('team/app', 'multi', both)
    client = new TestClient({ limits: { pageSize: 2 } })
  })
  afterAll(async () => {
    await client[Symbol.asyncDispose]()
    await registry[Symbol.asyncDispose]()
  })

  const repository = () => client.repository(`${registry.host}/team/app`)
  const send = async (path: string, options: Parameters<typeof request>[1] = {}) => {
    const response = await request(`${registry.url}${path}`, options)
    return { status: response.statusCode, headers: response.headers, body: await response.body.text() }
  }

  test('ignores n and last, and sends everything unsorted without Link: that is the whole list', async () => {
    const { headers, body } = await send('/v2/team/app/tags/list?n=2&last=zebra')
    expect(headers.link).toBeUndefined()
    expect(JSON.parse(body).tags).toHaveLength(NAMES.length + 1)
    expect((await allTags(repository())).sort()).toEqual([...NAMES, 'multi'].sort())
  })

  test('sends "tags":null for an empty list', async () => {
    await registry.push('team/empty', 'gone', amd64)
    await registry.delete('team/empty', 'gone')
    expect(JSON.parse((await send('/v2/team/empty/tags/list')).body)).toEqual({
      name: 'team/empty',
      tags: null,
    })
    expect(await allTags(client.repository(`${registry.host}/team/empty`))).toEqual([])
  })

  test('refuses a manifest without Accept, and accepts our request', async () => {
    expect((await send('/v2/team/app/manifests/multi')).status).toBeGreaterThanOrEqual(400)
    expect(await repository().resolveTag(tag('multi'), null)).toEqual({ digest: both.digest })
  })

  test('responds to If-None-Match with 304 without Docker-Content-Digest, also to HEAD', async () => {
    const headers = { accept: amd64.mediaType, 'if-none-match': `"${amd64.digest}"` }
    const response = await send('/v2/team/app/manifests/a', { method: 'HEAD', headers })
    expect([response.status, response.headers['docker-content-digest']]).toEqual([304, undefined])
    expect(await repository().resolveTag(tag('a'), amd64.digest)).toEqual({ digest: amd64.digest })
  })
})
