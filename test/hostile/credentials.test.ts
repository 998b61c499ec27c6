import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createApp } from '../../src/app/app.ts'
import type { Config } from '../../src/app/config.ts'
import { openDatabase } from '../../src/db/open.ts'
import { newSealingKey, SealingKeyError } from '../../src/secrets/sealing-key.ts'
import { testConfig } from '../fixtures/app.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { errorResponse } from '../fixtures/upstream-response.ts'
import { importImage } from '../flows/operations.ts'

/** Unique words; a hostile registry repeats the password. */
const SECRETS = {
  password: 'canary-password-9c1f',
  identityToken: 'canary-identity-77ab',
  bearerToken: 'canary-bearer-e02d',
} as const
const SET = `mutation ($input: SetRegistryCredentialInput!) {
  setRegistryCredential(input: $input) { registryCredential { prefix } } }`
const app = image({ seed: 'app' })

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-credentials-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A server on the folder, and its log. */
async function start(settings: Partial<Config> = {}) {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const server = await createApp(testConfig({ dataFolder: folder, ...settings }), { log })
  const client = connect(server.url)
  return {
    client,
    log: () => lines.join(''),
    set: (input: object) => client.request(SET, { input }),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Every file of the data folder. */
const bytesOf = (): Buffer =>
  Buffer.concat(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path)),
  )

/** The secret, plain and as in a header. */
const spelled = (secret: string): string[] => [
  secret,
  ...[`me:${secret}`, secret].map((text) => Buffer.from(text).toString('base64').replace(/=+$/, '')),
  Buffer.from(secret).toString('hex'),
]

/** Repeats the received secret in every part of a response. */
function echo(upstream: Upstream): void {
  upstream.hook = ({ kind, headers: { authorization = '' } }) => {
    if (authorization === '') return undefined
    const plain = Buffer.from(authorization.split(' ')[1] ?? '', 'base64').toString()
    const refusal = errorResponse(kind === 'token' ? 500 : 403, 'DENIED', { 'x-echo': authorization })
    const message = `https://${plain}@${upstream.host}/ ${authorization} ${plain}`
    return {
      ...refusal,
      headers: { 'x-echo': authorization },
      body: JSON.stringify({ errors: [{ code: 'DENIED', message }] }),
    }
  }
}

describe('a secret', () => {
  test('is in no response, log line or file, even when a registry repeats it', async () => {
    const seen: string[] = []
    for (const scheme of ['basic', 'bearer'] as const) {
      await using upstream = await startUpstream({
        auth: { scheme, credentials: { username: 'me', password: 'x' }, identityToken: 'y' },
      })
      upstream.push('team/app', 'latest', app)
      echo(upstream)
      await using server = await start()
      for (const [field, secret] of Object.entries(SECRETS)) {
        const username = field === 'bearerToken' ? null : 'me'
        await server.set({ prefix: upstream.host, username, [field]: secret })
        const from = `${upstream.host}/team/app:latest`
        const done = await importImage(server.client, {
          from,
          tag: 'latest',
          confirm: true,
          replaceSource: true,
        })
        seen.push(JSON.stringify(done))
      }
      seen.push(
        JSON.stringify(
          await server.client.request(
            '{ registryCredentials { nodes { id prefix kind username } pageInfo { startCursor } } imageStreams { nodes { document tags { nodes { conditions { message } } } } } }',
          ),
        ),
      )
      // the write-ahead log is there only while the server runs
      expect(readdirSync(folder)).toContain('imagestreams.db-wal')
      seen.push(server.log(), bytesOf().toString('latin1'))
      expect(upstream.log.some(({ headers }) => headers.authorization !== undefined)).toBe(true)
    }
    seen.push(bytesOf().toString('latin1'))

    const all = seen.join('\n')
    // the registry did repeat them
    expect(all).toContain('***')
    for (const secret of Object.values(SECRETS))
      for (const text of spelled(secret)) expect(all).not.toContain(text)
  })

  test.each([
    [{ passwrod: SECRETS.password }, 'passwrod'],
    [{ password: [SECRETS.password, SECRETS.password] }, 'String cannot represent a non string value'],
    [{ password: { [SECRETS.password]: 1 } }, 'input.password'],
    [
      { aws: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: [SECRETS.password] } },
      'secretAccessKey',
    ],
    [{ google: SECRETS.password }, 'input.google'],
    [{ google: { serviceAccountKey: { private_key: SECRETS.password } } }, 'serviceAccountKey'],
    [{ azure: { clientSecret: SECRETS.password } }, 'input.azure'],
    [{ prefix: null, password: SECRETS.password }, 'input.prefix'],
  ])('is not repeated when the input is invalid: %j', async (mistake, message) => {
    await using server = await start()

    const { data, errors } = await server.client.execute(SET, {
      input: { prefix: 'quay.io', username: 'me', ...mistake },
    })

    expect(data ?? null).toBeNull()
    expect(JSON.stringify(errors)).toContain(message)
    expect(JSON.stringify(errors)).not.toContain(SECRETS.password)
    expect(server.log()).not.toContain(SECRETS.password)
  })

  test('is no field of the schema', async () => {
    await using server = await start()
    await server.set({ prefix: 'quay.io', username: 'me', password: SECRETS.password })

    for (const field of ['password', 'secret', 'sealed', 'token', 'identityToken', 'bearerToken', 'keyId']) {
      const { errors } = await server.client.execute(`{ registryCredentials { nodes { ${field} } } }`)
      expect(errors, field).toHaveLength(1)
    }
  })
})

describe('a changed row', () => {
  test('fails the import with the cause, is sent to no registry, and does not stop the server', async () => {
    await using upstream = await startUpstream({
      auth: { scheme: 'basic', credentials: { username: 'me', password: SECRETS.password } },
    })
    upstream.push('team/app', 'latest', app)
    {
      await using server = await start()
      await server.set({ prefix: 'quay.io', username: 'me', password: SECRETS.password })
    }
    {
      using db = openDatabase(join(folder, 'imagestreams.db'))
      db.prepare('update registry_credentials set registry = ?').run(upstream.host)
    }
    await using server = await start()

    const from = `${upstream.host}/team/app:latest`
    const done = await importImage(server.client, { from, tag: 'latest', confirm: true })

    expect(done).toMatchObject({ state: 'FAILED' })
    expect(done.message).toContain(
      `the credential of default for ${upstream.host} cannot be used: the stored secret was changed`,
    )
    expect(upstream.log.filter(({ headers }) => headers.authorization !== undefined)).toEqual([])
  })
})

describe('the key', () => {
  const keyFile = () => join(folder, 'credentials.key')
  const setOne = async (settings: Partial<Config> = {}): Promise<void> => {
    await using server = await start(settings)
    await server.set({ prefix: 'quay.io', username: 'me', password: SECRETS.password })
  }
  const idsOf = async (settings: Partial<Config> = {}): Promise<readonly string[]> => {
    await using server = await start(settings)
    type List = { registryCredentials: { nodes: { id: string }[] } }
    const { registryCredentials } = await server.client.request<List>(
      '{ registryCredentials { nodes { id } } }',
    )
    return registryCredentials.nodes.map(({ id }) => id)
  }
  const countOf = async (settings: Partial<Config> = {}): Promise<number> => (await idsOf(settings)).length

  test('is created at the first start, for its owner alone, and kept', async () => {
    await setOne()
    const made = readFileSync(keyFile(), 'utf8')
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600)

    expect(await countOf()).toBe(1)

    expect(readFileSync(keyFile(), 'utf8')).toBe(made)
    expect(bytesOf().toString('latin1').split(made.trim())).toHaveLength(2)
  })

  test('stops the start when it is another one, and nothing is lost', async () => {
    await setOne()
    renameSync(keyFile(), `${keyFile()}.kept`)

    await expect(start()).rejects.toThrow(SealingKeyError)
    await expect(start()).rejects.toThrow(
      /1 registry credential is sealed with the key [0-9a-f]{16}, which is not in the key file .*which is not there; nothing was changed/,
    )
    expect(readdirSync(folder)).not.toContain('credentials.key')
    await expect(start({ credentialsKey: newSealingKey() })).rejects.toThrow(
      /is not in IMAGESTREAMS_CREDENTIALS_KEY/,
    )

    renameSync(`${keyFile()}.kept`, keyFile())
    expect(await countOf()).toBe(1)
  })

  test('is replaced by a new key before it, which then seals every secret and changes no id', async () => {
    const [old, renewed] = [newSealingKey(), newSealingKey()]
    await setOne({ credentialsKey: old })
    const ids = await idsOf({ credentialsKey: old })
    expect(ids).toHaveLength(1)

    expect(await idsOf({ credentialsKey: `${renewed},${old}` })).toEqual(ids)

    expect(await idsOf({ credentialsKey: renewed })).toEqual(ids)
    await expect(start({ credentialsKey: old })).rejects.toThrow(SealingKeyError)
  })

  test('can be given up by its id when it is lost', async () => {
    await setOne()
    rmSync(keyFile())
    const refusal = await start().then(
      () => '',
      (error: Error) => error.message,
    )
    const [, lostCredentialsKey = ''] = /--lost-credentials-key ([0-9a-f]{16})/.exec(refusal) ?? []

    expect(await countOf({ lostCredentialsKey })).toBe(0)

    await setOne()
    expect(await countOf({ lostCredentialsKey })).toBe(1)
  })

  test('is not read from a missing file, nor from one that others may read', async () => {
    const credentialsKeyFile = join(folder, 'mounted.key')
    await expect(start({ credentialsKeyFile })).rejects.toThrow(/mounted.key is not there/)
    writeFileSync(credentialsKeyFile, newSealingKey())
    chmodSync(credentialsKeyFile, 0o640)
    await expect(start({ credentialsKeyFile })).rejects.toThrow(/mode 0640\): run chmod 600/)
    chmodSync(credentialsKeyFile, 0o400)
    expect(await countOf({ credentialsKeyFile })).toBe(0)
  })
})
