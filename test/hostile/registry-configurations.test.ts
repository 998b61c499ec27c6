import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createApp } from '../../src/app/app.ts'
import type { Config } from '../../src/app/config.ts'
import { newSealingKey, SealingKeyError } from '../../src/secrets/sealing-key.ts'
import { testConfig } from '../fixtures/app.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { startHttpProxy } from '../fixtures/http-proxy.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { follow, importImage } from '../flows/operations.ts'

const CANARY = 'canary-proxy-5d21'
const CONFIGURE = `mutation ($input: ConfigureRegistryInput!) {
  configureRegistry(input: $input) { registryConfiguration { prefix proxy { url username } } } }`
const app = image({ seed: 'hostile configurations' })
const authority = await createAuthority()
const client = await authority.issueClient('imagestreams')
const clientCertificate = { certificate: client.cert, key: client.key }

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-configurations-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A server on the folder, with its log and responses. */
async function start(settings: Partial<Config> = {}) {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const server = await createApp(testConfig({ dataFolder: folder, ...settings }), { log })
  const connection = connect(server.url)
  return {
    client: connection,
    output: lines,
    configure: async (input: object) => {
      lines.push(JSON.stringify(await connection.execute(CONFIGURE, { input })))
    },
    async [Symbol.asyncDispose]() {
      await connection[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const stored = (): Buffer =>
  Buffer.concat(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path)),
  )

/** The secrets, plain and as in a header or a file. */
const secrets = [
  CANARY,
  Buffer.from(`me:${CANARY}`).toString('base64'),
  ...client.key.split('\n').filter((line) => line.length > 40),
]

describe('a proxy’s password and a client’s key', () => {
  test('are in no response, log line, message or file, also after failures', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', 'latest', app)
    await using proxy = await startHttpProxy({ login: { username: 'me', password: 'another' } })
    await using server = await start()
    await server.configure({
      prefix: upstream.host,
      proxy: { url: proxy.url, username: 'me', password: CANARY },
      clientCertificate,
    })
    // each in a wrong field
    await server.configure({ prefix: 'a.example', ca: client.key })
    await server.configure({
      prefix: 'a.example',
      clientCertificate: { certificate: authority.ca, key: client.key },
    })
    await server.configure({ prefix: 'a.example', proxy: { url: `http://me:${CANARY}@${upstream.host}` } })
    await server.configure({ prefix: 'a.example', proxy: { url: CANARY } })
    await server.configure({ prefix: 'a.example', proxy: { url: proxy.url, password: CANARY } })

    server.output.push(JSON.stringify(await follow(server.client, `${upstream.host}/team/app`)))
    server.output.push(
      JSON.stringify(
        await server.client.request(`{ registryConfigurations { nodes { prefix proxy { url username }
          clientCertificate { subject fingerprint } } } }`),
      ),
    )

    expect(proxy.logins.join()).toContain(Buffer.from(`me:${CANARY}`).toString('base64'))
    for (const secret of secrets) {
      expect(server.output.join('\n')).not.toContain(secret)
      expect(stored().includes(secret)).toBe(false)
    }
  })

  test('stop the start without their key', async () => {
    const key = newSealingKey()
    {
      await using server = await start({ credentialsKey: key })
      await server.configure({ prefix: 'a.example', clientCertificate })
    }
    const other = { credentialsKey: newSealingKey() }
    await expect(start(other)).rejects.toThrow(SealingKeyError)
    await expect(start(other)).rejects.toThrow('1 registry secret is sealed with the key')
    await using server = await start({ credentialsKey: `${other.credentialsKey}\n${key}` })
    expect(server.output.join()).toContain('sealed secrets again with the first key')
  })
})

describe('a registry that is blocked during an import', () => {
  test('receives no more requests', async () => {
    await using upstream = await startUpstream()
    for (let n = 0; n < 40; n += 1) upstream.push('team/app', `v${n}`, image({ seed: `blocked ${n}` }))
    await using server = await start({ requestsPerRegistry: 1 })
    const gate = upstream.hold(({ kind }) => kind === 'head')
    const imported = follow(server.client, `${upstream.host}/team/app`)
    await gate.arrived(1)
    await server.configure({ prefix: upstream.host, access: 'BLOCKED' })
    const before = upstream.log.length
    gate.open()

    // the running request finished; queued requests were not sent
    expect(await imported).toMatchObject({ state: 'FAILED', failed: 40 })
    expect(upstream.log.length).toBe(before)
    expect(await importImage(server.client)).toMatchObject({ reason: 'BLOCKED' })
  })
})

describe('a block list', () => {
  test.each([(host: string) => host, (host: string) => host.replace('127.0.0.1', 'localhost').toUpperCase()])(
    'cannot be circumvented by another spelling',
    async (spell) => {
      await using upstream = await startUpstream()
      upstream.push('team/app', 'latest', app)
      await using server = await start()
      const host = spell(upstream.host)
      await server.configure({ prefix: host.toLowerCase().replace(/:\d+$/, ''), access: 'BLOCKED' })

      const { errors } = await server.client.execute(
        'mutation ($input: ImportImageInput!) { importImage(input: $input) { __typename } }',
        { input: { imageStream: 'x', from: `${host}/team/app:latest`, confirm: true } },
      )
      expect(errors).toMatchObject([{ extensions: { code: 'INVALID' } }])
      expect(upstream.log).toEqual([])
    },
  )
})
