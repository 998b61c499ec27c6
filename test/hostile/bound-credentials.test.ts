import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { startHttpProxy } from '../fixtures/http-proxy.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { follow, importImage } from '../flows/operations.ts'

// A login is for the server that it was set for: whoever can change how that server is reached must not receive it.

const LOGIN = { username: 'me', password: 'open sesame' }
const BASIC = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64')
const app = image({ seed: 'bound credentials' })

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-bound-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function startPrivate() {
  const upstream = await startUpstream({ auth: { scheme: 'basic', credentials: LOGIN } })
  upstream.push('team/app', 'latest', app)
  return upstream
}

/** Returns the `Authorization` headers that it received. */
const loginsAt = ({ log }: Upstream): string[] => log.flatMap(({ headers }) => headers.authorization ?? [])

const setCredential = (client: GraphQLClient, prefix: string) =>
  client.request(
    `mutation ($prefix: String!) { setRegistryCredential(input: {
       prefix: $prefix, username: "${LOGIN.username}", password: "${LOGIN.password}" }) { registryCredential { unboundBy } } }`,
    { prefix },
  )

const configure = async (client: GraphQLClient, input: object): Promise<unknown> => {
  const { configureRegistry } = await client.request<{
    configureRegistry: { unboundCredentialCount: number }
  }>(
    `mutation ($input: ConfigureRegistryInput!) { configureRegistry(input: $input) { unboundCredentialCount } }`,
    { input },
  )
  return configureRegistry.unboundCredentialCount
}

/** Writes a docker config with the login, and returns its path. */
function dockerConfig(host: string): string {
  const path = join(folder, 'config.json')
  writeFileSync(path, JSON.stringify({ auths: { [host]: { auth: BASIC } } }))
  return path
}

describe('a credential of a namespace', () => {
  test.each(['proxy', 'insecure', 'apiUrl'])(
    'is not sent after %s of its registry was changed, until it is set again',
    async (setting) => {
      await using upstream = await startPrivate()
      await using attacker = await startHttpProxy()
      await using server = await startApp()
      await setCredential(server.client, upstream.host)
      expect(await follow(server.client, `${upstream.host}/team/app`)).toMatchObject({ state: 'SUCCEEDED' })
      const before = loginsAt(upstream).length
      const settings = {
        proxy: { proxy: { url: attacker.url } },
        insecure: { insecure: true },
        apiUrl: { vendor: 'HARBOR', apiUrl: attacker.url },
      }[setting]

      expect(await configure(server.client, { prefix: upstream.host, ...settings })).toBe(1)
      const refused = await importImage(server.client)

      expect(refused.message).toContain(
        `the credential of default for ${upstream.host} is not sent: the configuration of ${upstream.host}`,
      )
      expect(loginsAt(upstream)).toHaveLength(before)
      await setCredential(server.client, upstream.host)
      await importImage(server.client)
      expect(loginsAt(upstream).length).toBeGreaterThan(before)
    },
  )

  test('is listed with the configuration that unbound it', async () => {
    await using server = await startApp()
    await setCredential(server.client, 'quay.io/team')
    await configure(server.client, { prefix: 'quay.io', insecure: true })
    expect(
      await server.client.request('{ registryCredentials { nodes { prefix unboundBy } } }'),
    ).toMatchObject({ registryCredentials: { nodes: [{ prefix: 'quay.io/team', unboundBy: 'quay.io' }] } })
  })
})

describe('a login of --docker-config', () => {
  test('is used for the namespaces of --docker-config-namespaces alone', async () => {
    await using upstream = await startPrivate()
    const settings = { dockerConfig: dockerConfig(upstream.host), dockerConfigNamespaces: ['team'] }
    await using server = await startApp(settings)
    const from = `${upstream.host}/team/app`

    expect(await follow(server.client, from, 'team/app')).toMatchObject({ state: 'SUCCEEDED' })
    expect(await follow(server.client, from, 'other/app')).toMatchObject({
      state: 'FAILED',
      reason: 'UNAUTHORIZED',
    })
  })

  test('is not used for what is read on behalf of no namespace, such as the referrers of an image', async () => {
    await using upstream = await startPrivate()
    const settings = { dockerConfig: dockerConfig(upstream.host), dockerConfigNamespaces: ['team'] }
    await using server = await startApp(settings)
    await follow(server.client, `${upstream.host}/team/app`, 'team/app')
    const before = loginsAt(upstream).length
    const query = `{ image(digest: "${app.digest}") { referrers { reason } } }`
    expect(await server.client.request(query)).toEqual({ image: { referrers: { reason: 'UNAUTHORIZED' } } })
    expect(loginsAt(upstream)).toHaveLength(before)
  })

  test('is not sent to a registry whose configuration decides who receives it', async () => {
    await using upstream = await startPrivate()
    await using attacker = await startHttpProxy()
    const settings = { dockerConfig: dockerConfig(upstream.host), dockerConfigNamespaces: ['*'] }
    await using server = await startApp(settings)
    await configure(server.client, { prefix: upstream.host, proxy: { url: attacker.url } })

    const refused = await follow(server.client, `${upstream.host}/team/app`)
    expect(refused).toMatchObject({ state: 'FAILED' })
    expect(refused.message).toContain(`the login of --docker-config for ${upstream.host} is not sent`)
    expect(loginsAt(upstream)).toEqual([])
  })
})
