import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { CredentialsError } from '../../../src/remote/login/credentials.ts'
import {
  createDockerConfigCredentials,
  type DockerConfigOptions,
} from '../../../src/remote/login/docker-config-credentials.ts'

class ConfigFile implements AsyncDisposable {
  readonly folder: string
  readonly path: string
  #written = 0

  constructor(folder: string) {
    this.folder = folder
    this.path = join(folder, 'config.json')
  }

  async write(content: unknown): Promise<void> {
    await writeFile(this.path, typeof content === 'string' ? content : JSON.stringify(content))
    // two writes within one tick of the file system's clock still differ
    this.#written += 1
    await utimes(this.path, this.#written, this.#written)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true })
  }
}

const configFile = async () => new ConfigFile(await mkdtemp(join(tmpdir(), 'credentials-')))
const encode = (username: string, password: string) => ({
  auth: Buffer.from(`${username}:${password}`).toString('base64'),
})

async function open(config: unknown, options: Partial<DockerConfigOptions> = {}) {
  const file = await configFile()
  await file.write(config)
  const credentials = createDockerConfigCredentials({ path: file.path, ...options })
  return {
    file,
    credentials,
    find: async (registry: string, repository: string) =>
      (await credentials.find(registry, repository))?.secret ?? null,
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  }
}

describe('a docker config', () => {
  test('returns the login of a registry, also with colons in the password', async () => {
    await using config = await open({ auths: { 'quay.io': encode('me', 'a:b') } })
    expect(await config.find('quay.io', 'x/y')).toEqual({ kind: 'password', username: 'me', password: 'a:b' })
    expect(await config.find('ghcr.io', 'x/y')).toBeNull()
  })

  test('returns the login of the longest path match: containers-auth.json(5)', async () => {
    await using config = await open({
      auths: {
        'r.example': encode('host', 'p'),
        'r.example/team': encode('team', 'p'),
        'https://r.example/team/app/': encode('app', 'p'),
      },
    })
    const who = async (repository: string) =>
      (await config.find('r.example', repository)) as { username: string }
    expect((await who('other')).username).toBe('host')
    expect((await who('team/x')).username).toBe('team')
    expect((await who('team/app')).username).toBe('app')
    expect((await who('team/app/deep')).username).toBe('app')
    expect((await who('team/apple')).username).toBe('team')
    expect((await who('teams')).username).toBe('host')
  })

  test.each([
    'https://index.docker.io/v1/',
    'index.docker.io',
    'docker.io',
    'registry-1.docker.io',
    'https://docker.io/v2/',
  ])('accepts the aliases of Docker Hub: %s', async (key) => {
    await using config = await open({ auths: { [key]: encode('me', 'p') } })
    expect(await config.find('docker.io', 'library/nginx')).not.toBeNull()
  })

  test.each(['r.io.evil.com', 'r.io:8443', 'evil-r.io', 'sub.r.io'])(
    'does not return the login of r.io for %s',
    async (registry) => {
      await using config = await open({ auths: { 'r.io': encode('me', 'p') } })
      expect(await config.find(registry, 'x')).toBeNull()
    },
  )

  test('parses username and password, identitytoken and registrytoken', async () => {
    await using config = await open({
      auths: {
        'plain.test': { username: 'me', password: 'p' },
        'identity.test': { ...encode('me', ''), identitytoken: 'i' },
        'registry.test': { registrytoken: 'r' },
        'empty.test': {},
        'odd.test': 7,
      },
    })
    expect(await config.find('plain.test', 'x')).toEqual({ kind: 'password', username: 'me', password: 'p' })
    expect(await config.find('identity.test', 'x')).toEqual({ kind: 'identity', username: 'me', token: 'i' })
    expect(await config.find('registry.test', 'x')).toEqual({ kind: 'registry', token: 'r' })
    expect(await config.find('empty.test', 'x')).toBeNull()
    expect(await config.find('odd.test', 'x')).toBeNull()
  })

  test('is read again after a change, and a new secret is another credential', async () => {
    await using config = await open({ auths: { 'r.io': encode('me', 'old') } })
    const before = await config.credentials.find('r.io', 'x')
    expect(await config.credentials.find('r.io', 'x')).toBe(before)
    await config.file.write({ auths: { 'r.io': encode('me', 'new') } })
    const after = await config.credentials.find('r.io', 'x')
    expect(after?.secret).toMatchObject({ password: 'new' })
    expect(after?.id).not.toBe(before?.id)
  })

  test('is empty while the file does not exist', async () => {
    await using config = await open({ auths: { 'r.io': encode('me', 'p') } })
    await rm(config.file.path)
    expect(await config.find('r.io', 'x')).toBeNull()
  })

  test.each(['{"auths": {"r.io": {"auth": "c2VjcmV0', '[]', 'secret'])(
    'reports that %s cannot be read, without its content',
    async (text) => {
      await using config = await open(text)
      const error = await config.credentials.find('r.io', 'x').catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(CredentialsError)
      expect(inspect(error)).not.toContain('ecret')
      await config.file.write({ auths: {} })
      expect(await config.find('r.io', 'x')).toBeNull()
    },
  )

  test('uses the helper of credHelpers, else credsStore, for other registries; <token> marks an identity token', async () => {
    const calls: string[] = []
    const helper = async (name: string, server: string) => {
      calls.push(`${name} ${server}`)
      return name === 'none' ? undefined : { username: name === 'token' ? '<token>' : 'me', secret: 's' }
    }
    await using config = await open(
      {
        auths: { 'r.io': encode('me', 'p'), 'https://index.docker.io/v1/': {} },
        credHelpers: { 'a.test': 'token', 'b.test': 'none' },
        credsStore: 'store',
      },
      { helper },
    )
    expect(await config.find('r.io', 'x')).toMatchObject({ password: 'p' })
    expect(await config.find('a.test', 'x')).toEqual({ kind: 'identity', username: '', token: 's' })
    expect(await config.find('b.test', 'x')).toBeNull()
    expect(await config.find('docker.io', 'x')).toMatchObject({ password: 's' })
    expect(calls).toEqual(['token a.test', 'none b.test', 'store https://index.docker.io/v1/'])
  })

  test('runs only programs whose names begin with docker-credential-', async () => {
    await using config = await open({ credsStore: '../../bin/sh' })
    await expect(config.find('r.io', 'x')).rejects.toThrow(CredentialsError)
    await using missing = await open({ credsStore: 'there-is-no-such-helper' })
    await expect(missing.find('r.io', 'x')).rejects.toThrow(
      'the credential helper "there-is-no-such-helper" of --docker-config failed',
    )
  })

  test('runs docker-credential-X get with the host on stdin', async () => {
    await using config = await open({ credHelpers: { 'r.io': 'scripted', 'none.test': 'scripted' } })
    const script = `#!/bin/sh
read server
[ "$server" = r.io ] && echo '{"ServerURL":"r.io","Username":"me","Secret":"'"$1"'"}' && exit
echo 'credentials not found in native keychain'; exit 1
`
    await writeFile(join(config.file.folder, 'docker-credential-scripted'), script, { mode: 0o755 })
    vi.stubEnv('PATH', `${config.file.folder}:${process.env.PATH}`)
    try {
      expect(await config.find('r.io', 'x')).toEqual({ kind: 'password', username: 'me', password: 'get' })
      expect(await config.find('none.test', 'x')).toBeNull()
    } finally {
      vi.unstubAllEnvs()
    }
  })
})

describe('Kubernetes glob hosts', () => {
  test.each([
    ['*.example.com', 'registry.example.com'],
    ['*.example.com', 'other.example.com'],
    ['registry-*.example.com', 'registry-1.example.com'],
    ['*.*.example.com', 'a.b.example.com'],
    ['https://*.example.com/', 'registry.example.com'],
    ['*.example.com:5000', 'registry.example.com:5000'],
    ['*.example.com/team', 'registry.example.com'],
  ])('%s matches %s', async (key, registry) => {
    await using config = await open({ auths: { [key]: encode('me', 'p') } })
    expect(await config.find(registry, 'team/app')).toMatchObject({ username: 'me' })
  })

  test.each([
    ['*.example.com', 'example.com'],
    ['*.example.com', 'a.b.example.com'],
    ['*.example.com', 'registry.example.com:5000'],
    ['*.example.com:5000', 'registry.example.com'],
    ['*.example.com', 'registry.example.com.evil.test'],
    ['*.example.com', 'evilexample.com'],
    ['*.example.com/tea', 'registry.example.com'],
    ['*', 'registry.example.com'],
  ])('%s does not match %s', async (key, registry) => {
    await using config = await open({ auths: { [key]: encode('me', 'p') } })
    expect(await config.find(registry, 'team/app')).toBeNull()
  })

  test('apply after named hosts, the longest first', async () => {
    await using config = await open({
      auths: {
        '*.example.com': encode('any', 'p'),
        '*.example.com/team': encode('team', 'p'),
        'registry.example.com': encode('named', 'p'),
      },
      credsStore: 'never-run',
    })
    expect(await config.find('registry.example.com', 'team/app')).toMatchObject({ username: 'named' })
    expect(await config.find('other.example.com', 'team/app')).toMatchObject({ username: 'team' })
    expect(await config.find('other.example.com', 'app')).toMatchObject({ username: 'any' })
  })
})
