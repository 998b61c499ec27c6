import { describe, expect, test } from 'vitest'
import { available, REGISTRY_CREDENTIALS, startDockerRegistry } from '../fixtures/docker-registry.ts'
import { image, index } from '../fixtures/random-image.ts'
import { allTags, password, refusalOf, TestClient, tag } from '../fixtures/registry-client.ts'

const missing = available()
const app = image({ seed: 'app' })
const both = index([app, image({ seed: 'arm', platform: { os: 'linux', architecture: 'arm64' } })])

describe.skipIf(missing !== undefined)(`a real docker-registry${missing ? `: ${missing}` : ''}`, () => {
  test.each(['open', 'basic', 'tls'] as const)('that is %s is listed, resolved and read', async (mode) => {
    await using registry = await startDockerRegistry(mode)
    await registry.push('team/app', 'one', app)
    await registry.push('team/app', 'both', both)
    await using client = new TestClient({
      egress: registry.ca === '' ? {} : { ca: [registry.ca] },
      ...(mode === 'basic' && {
        credentials: password(REGISTRY_CREDENTIALS.username, REGISTRY_CREDENTIALS.password),
      }),
    })
    const repository = client.repository(`${registry.host}/team/app`)
    expect((await allTags(repository)).sort()).toEqual(['both', 'one'])
    expect(await repository.resolveTag(tag('both'), null)).toEqual({ digest: both.digest })
    expect(await repository.resolveTag(tag('both'), both.digest)).toEqual({ digest: both.digest })
    expect(await repository.resolveTag(tag('one'), both.digest)).toEqual({ digest: app.digest })
    const manifest = await repository.fetchManifest(app.digest)
    expect(Buffer.from(manifest.bytes).equals(app.bytes)).toBe(true)
    const config = { ...app.config, size: app.config.bytes.length, annotations: {} }
    expect(Buffer.from(await repository.fetchConfig(config)).equals(app.config.bytes)).toBe(true)
    expect((await refusalOf(repository.resolveTag(tag('nope'), null))).reason).toBe('NotFound')
    expect((await refusalOf(allTags(client.repository(`${registry.host}/team/none`)))).reason).toBe(
      'NotFound',
    )
  })
})
