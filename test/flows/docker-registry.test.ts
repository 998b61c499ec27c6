import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import {
  available,
  type DockerRegistry,
  REGISTRY_CREDENTIALS,
  type RegistryMode,
  startDockerRegistry,
} from '../fixtures/docker-registry.ts'
import { image, index } from '../fixtures/random-image.ts'
import { follow, history, importImage, tagDigests } from './operations.ts'

const missing = available()
const one = image({ seed: 1 })
const multi = index(
  [
    image({ seed: 2, docker: true }),
    image({ seed: 3, docker: true, platform: { os: 'linux', architecture: 'arm64' } }),
  ],
  { docker: true },
)

async function startFilled(mode: RegistryMode): Promise<DockerRegistry> {
  const registry = await startDockerRegistry(mode)
  await registry.push('team/app', 'latest', one)
  await registry.push('team/app', 'multi', multi)
  return registry
}

/** Writes a docker config.json with a login for the host. */
async function dockerConfig(host: string, { username, password }: { username: string; password: string }) {
  const folder = await mkdtemp(join(tmpdir(), 'docker-config-'))
  const path = join(folder, 'config.json')
  const auth = Buffer.from(`${username}:${password}`).toString('base64')
  await writeFile(path, JSON.stringify({ auths: { [host]: { auth } } }))
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

const IMPORTED = { state: 'SUCCEEDED', total: 2, imported: 2, failed: 0 }

describe.skipIf(missing !== undefined)(`a real docker-registry${missing ? `: ${missing}` : ''}`, () => {
  test('is a source for imports, repeated after a tag moved', async () => {
    await using registry = await startFilled('open')
    await using app = await startApp({ importMode: 'PreserveOriginal' })

    expect(await follow(app.client, `${registry.host}/team/app`)).toMatchObject(IMPORTED)
    await registry.push('team/app', 'latest', multi)
    expect(await importImage(app.client)).toMatchObject({ imported: 1, unchanged: 1 })

    expect([...(await tagDigests(app.client))]).toEqual([
      ['latest', multi.digest],
      ['multi', multi.digest],
    ])
    expect(await history(app.client, 'app:latest')).toEqual([multi.digest, one.digest])
  })

  test('causes NotFound for a missing repository', async () => {
    await using registry = await startFilled('open')
    await using app = await startApp()

    const imported = await follow(app.client, `${registry.host}/team/none`)

    expect(imported).toMatchObject({ state: 'FAILED', reason: 'NOT_FOUND' })
    expect(imported.message).toContain(`${registry.host} does not have the repository team/none`)
  })

  test('with basic auth accepts the login of a docker config.json', async () => {
    await using registry = await startFilled('basic')
    await using login = await dockerConfig(registry.host, REGISTRY_CREDENTIALS)
    await using app = await startApp({ dockerConfig: login.path, dockerConfigNamespaces: ['*'] })

    expect(await follow(app.client, `${registry.host}/team/app`)).toMatchObject(IMPORTED)
    expect(await follow(app.client, `${registry.host}/team/none`, 'none')).toMatchObject({
      state: 'FAILED',
      reason: 'NOT_FOUND',
    })
  })

  test('with basic auth refuses imports without a login or with a wrong one', async () => {
    await using registry = await startFilled('basic')
    const wrong = { ...REGISTRY_CREDENTIALS, password: 'not the password' }
    await using login = await dockerConfig(registry.host, wrong)
    await using stranger = await startApp()
    await using mistaken = await startApp({ dockerConfig: login.path, dockerConfigNamespaces: ['*'] })

    const unknown = await follow(stranger.client, `${registry.host}/team/app`)
    const refused = await follow(mistaken.client, `${registry.host}/team/app`)

    expect(unknown).toMatchObject({ state: 'FAILED', reason: 'UNAUTHORIZED' })
    expect(unknown.message).toContain('needs a login')
    expect(refused).toMatchObject({ state: 'FAILED', reason: 'UNAUTHORIZED' })
    expect(refused.message).toContain(`the login for ${registry.host} has no access to it`)
    expect(refused.message).not.toContain(wrong.password)
  })

  test('with TLS of a private authority is accepted by a server that trusts the authority', async () => {
    await using registry = await startFilled('tls')
    await using app = await startApp({ ca: [registry.ca] })

    expect(await follow(app.client, `${registry.host}/team/app`)).toMatchObject(IMPORTED)
  })

  test('with TLS of a private authority is refused by other servers, unless the import is insecure', async () => {
    await using registry = await startFilled('tls')
    await using app = await startApp()

    const refused = await follow(app.client, `${registry.host}/team/app`)
    const insecure = await importImage(app.client, { insecure: true })

    expect(refused).toMatchObject({ state: 'FAILED', reason: 'REGISTRY_UNAVAILABLE' })
    expect(refused.message).toContain('its certificate comes from an authority that is not trusted here')
    expect(insecure).toMatchObject(IMPORTED)
  })
})
