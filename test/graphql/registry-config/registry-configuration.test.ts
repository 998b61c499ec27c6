import { describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { createAuthority } from '../../fixtures/certificates.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { follow } from '../../flows/operations.ts'

const authority = await createAuthority()
const START = Date.UTC(2026, 0, 1)
const CONFIGURATION = `id prefix access location insecure concurrency requestsPerSecond vendor apiUrl createdAt changedAt
  mirrors { location insecure serves } proxy { url username }
  authorities { subject issuer fingerprint } clientCertificate { subject issuer validFrom validUntil fingerprint }`
const CONFIGURE = `mutation ($input: ConfigureRegistryInput!) {
  configureRegistry(input: $input) { registryConfiguration { ${CONFIGURATION} } } }`

const configure = async ({ client }: TestApp, input: object) => {
  type Answer = { configureRegistry: { registryConfiguration: Record<string, unknown> } }
  return (await client.request<Answer>(CONFIGURE, { input })).configureRegistry.registryConfiguration
}
const prefixes = async ({ client }: TestApp, args: string) => {
  const { registryConfigurations } = await client.request<{
    registryConfigurations: {
      nodes: { prefix: string }[]
      totalCount: number
      pageInfo: Record<string, unknown> & { endCursor: string; startCursor: string }
    }
  }>(
    `{ registryConfigurations(${args}) { totalCount nodes { prefix }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
  )
  return { ...registryConfigurations, nodes: registryConfigurations.nodes.map(({ prefix }) => prefix) }
}

describe('configureRegistry', () => {
  test('returns every value, and of secrets only the public parts', async () => {
    await using app = await startApp({}, { now: () => START })
    const { cert: certificate, key } = await authority.issueClient('imagestreams')

    const configured = await configure(app, {
      prefix: 'https://quay.io'.slice('https://'.length).toUpperCase(),
      ...{ access: 'ALLOWED', location: 'moved.example/q', insecure: false },
      mirrors: [
        { location: 'mirror.example/quay' },
        { location: 'b.example', insecure: true, serves: 'ALL' },
      ],
      ...{ ca: authority.ca, clientCertificate: { certificate, key } },
      proxy: { url: 'http://proxy.example:3128/', username: 'me', password: 'canary' },
      ...{ concurrency: 4, requestsPerSecond: 2.5, vendor: 'QUAY', apiUrl: 'https://api.example/' },
    })

    expect(configured).toMatchObject({
      prefix: 'quay.io',
      ...{ access: 'ALLOWED', location: 'moved.example/q', insecure: false },
      mirrors: [
        { location: 'mirror.example/quay', insecure: false, serves: 'DIGESTS' },
        { location: 'b.example', insecure: true, serves: 'ALL' },
      ],
      authorities: [{ subject: 'CN=Imagestreams test authority', issuer: 'CN=Imagestreams test authority' }],
      clientCertificate: { subject: 'CN=imagestreams', issuer: 'CN=Imagestreams test authority' },
      proxy: { url: 'http://proxy.example:3128', username: 'me' },
      ...{ concurrency: 4, requestsPerSecond: 2.5, vendor: 'QUAY', apiUrl: 'https://api.example' },
      ...{ createdAt: '2026-01-01T00:00:00.000Z', changedAt: '2026-01-01T00:00:00.000Z' },
    })
  })

  test('keeps omitted values, and removes null values', async () => {
    await using app = await startApp()
    await configure(app, {
      prefix: 'quay.io',
      insecure: true,
      vendor: 'NONE',
      mirrors: [{ location: 'm.example' }],
    })

    expect(await configure(app, { prefix: 'quay.io', mirrors: null })).toMatchObject({
      ...{ insecure: true, vendor: 'NONE', mirrors: null },
      ...{ authorities: [], clientCertificate: null, proxy: null },
    })
  })

  test.each([
    ['prefix', { prefix: 'https://quay.io' }],
    ['ca', { prefix: 'quay.io', ca: 'canary' }],
    ['proxy.url', { prefix: 'quay.io', proxy: { url: 'http://me:canary@proxy.example' } }],
    [
      'clientCertificate.key',
      { prefix: 'quay.io', clientCertificate: { certificate: authority.ca, key: 'canary' } },
    ],
    ['mirrors.0.location', { prefix: 'quay.io', mirrors: [{ location: 'canary' }] }],
  ])('refuses %s, and changes nothing', async (field, input) => {
    await using app = await startApp()
    const { errors } = await app.client.execute(CONFIGURE, { input })
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID', field } }])
    expect(JSON.stringify(errors)).not.toContain('canary')
    expect((await prefixes(app, 'first: 1')).totalCount).toBe(0)
  })
})

describe('deleteRegistryConfiguration', () => {
  const DELETE = `mutation ($prefix: String!) {
    deleteRegistryConfiguration(input: { prefix: $prefix }) { deletedId registryConfiguration { id prefix access } } }`

  test('returns the id and the last state of the configuration, and NOT_FOUND for an unknown prefix', async () => {
    await using app = await startApp()
    const { id } = await configure(app, { prefix: 'quay.io/team', access: 'BLOCKED' })

    expect(await app.client.request(DELETE, { prefix: 'quay.io/team' })).toEqual({
      deleteRegistryConfiguration: {
        deletedId: id,
        registryConfiguration: { id, prefix: 'quay.io/team', access: 'BLOCKED' },
      },
    })
    expect((await app.client.execute(DELETE, { prefix: 'quay.io/team' })).errors).toMatchObject([
      { message: 'there is no configuration of quay.io/team', extensions: { code: 'NOT_FOUND' } },
    ])
  })
})

describe('registryConfigurations', () => {
  test('are read page by page in both directions, by registry and path', async () => {
    await using app = await startApp()
    const names = ['a.example', 'a.example/x', 'a.example/x/y', 'a.example:5000', 'b.example']
    for (const prefix of [...names].reverse()) await configure(app, { prefix })

    const first = await prefixes(app, 'first: 2')
    expect(first).toMatchObject({ nodes: names.slice(0, 2), totalCount: 5, pageInfo: { hasNextPage: true } })
    const second = await prefixes(app, `first: 2, after: "${first.pageInfo.endCursor}"`)
    expect(second).toMatchObject({ nodes: names.slice(2, 4), pageInfo: { hasPreviousPage: true } })
    const last = await prefixes(app, 'last: 2')
    expect(last.nodes).toEqual(names.slice(3))
    const before = await prefixes(app, `last: 2, before: "${last.pageInfo.startCursor}"`)
    expect(before).toMatchObject({ nodes: names.slice(1, 3), pageInfo: { hasPreviousPage: true } })
  })
})

describe('the default access', () => {
  test('allows everything until another value is set', async () => {
    await using app = await startApp()
    const currentAccess = async () =>
      (await app.client.request<{ registryDefaultAccess: string }>('{ registryDefaultAccess }'))
        .registryDefaultAccess
    expect(await currentAccess()).toBe('ALLOWED')
    const set = 'mutation { setRegistryDefaultAccess(input: { access: BLOCKED }) { registryDefaultAccess } }'
    expect(await app.client.request(set)).toEqual({
      setRegistryDefaultAccess: { registryDefaultAccess: 'BLOCKED' },
    })
    expect(await currentAccess()).toBe('BLOCKED')
  })
})

describe('a blocked registry', () => {
  test('is found by the reason of failures', async () => {
    await using upstream = await startUpstream()
    upstream.push('team/app', 'latest', image({ seed: 'blocked' }))
    await using app = await startApp()
    await follow(app.client, `${upstream.host}/team/app`)
    await configure(app, { prefix: upstream.host, access: 'BLOCKED' })
    await app.client.request(
      'mutation { importImage(input: { imageStream: "app", tag: "latest" }) { import { state } } }',
    )

    const { imageStreams } = await app.client.request<{ imageStreams: { nodes: unknown[] } }>(
      `{ imageStreams(failing: { reason: BLOCKED }) { nodes { name
          tags { nodes { tag conditions { reason message } } } } } }`,
    )
    const message = `no request was sent to ${upstream.host}/team/app: the configuration of ${upstream.host} blocks it; access: ALLOWED in configureRegistry permits it`
    const tags = { nodes: [{ tag: 'latest', conditions: [{ reason: 'BLOCKED', message }] }] }
    expect(imageStreams.nodes).toEqual([{ name: 'app', tags }])
  })

  test('is not requested for a test of a credential either', async () => {
    await using upstream = await startUpstream()
    await using app = await startApp()
    const prefix = upstream.host
    await app.client.request(
      'mutation ($input: SetRegistryCredentialInput!) { setRegistryCredential(input: $input) { __typename } }',
      { input: { prefix, username: 'me', password: 'open sesame' } },
    )
    await configure(app, { prefix, access: 'BLOCKED' })

    const { testRegistryCredential } = await app.client.request<{ testRegistryCredential: object }>(
      'mutation ($input: TestRegistryCredentialInput!) { testRegistryCredential(input: $input) { outcome reason status: httpStatus message } }',
      { input: { prefix } },
    )
    expect(testRegistryCredential).toEqual({
      outcome: 'FAILED',
      reason: 'BLOCKED',
      status: null,
      message: `no request was sent to ${prefix}: the configuration of ${prefix} blocks it; access: ALLOWED in configureRegistry permits it`,
    })
    expect(upstream.log).toEqual([])
  })
})

describe('registryPlan', () => {
  const PLAN = `query ($repository: String!) { registryPlan(repository: $repository) { isBlocked message locations {
    repository isMirror serves insecure hasAuthority hasClientCertificate proxyUrl message } } }`
  const plain = {
    insecure: false,
    hasAuthority: false,
    hasClientCertificate: false,
    proxyUrl: null,
    message: null,
  }

  test('returns the locations of a repository, by all configurations together', async () => {
    await using app = await startApp()
    const proxy = { url: 'http://proxy.example:3128', username: 'me', password: 'canary' }
    await configure(app, {
      prefix: 'quay.io',
      mirrors: [{ location: 'mirror.example/quay', insecure: true }],
    })
    await configure(app, { prefix: 'quay.io/team', ca: authority.ca })
    await configure(app, { prefix: 'mirror.example', proxy })

    expect(await app.client.request(PLAN, { repository: 'quay.io/team/app' })).toEqual({
      registryPlan: {
        isBlocked: false,
        message: null,
        locations: [
          {
            ...{ ...plain, repository: 'mirror.example/quay/team/app', isMirror: true, serves: 'DIGESTS' },
            ...{ insecure: true, proxyUrl: 'http://proxy.example:3128' },
          },
          { ...plain, repository: 'quay.io/team/app', isMirror: false, serves: 'ALL', hasAuthority: true },
        ],
      },
    })
  })

  test('returns the rule that blocks it, and INVALID for an invalid repository', async () => {
    await using app = await startApp()
    await configure(app, { prefix: 'docker.io/library', access: 'BLOCKED' })

    expect(await app.client.request(PLAN, { repository: 'ruby' })).toEqual({
      registryPlan: {
        isBlocked: true,
        message:
          'the configuration of docker.io/library blocks it; access: ALLOWED in configureRegistry permits it',
        locations: [],
      },
    })
    expect((await app.client.execute(PLAN, { repository: 'https://quay.io' })).errors).toMatchObject([
      { extensions: { code: 'INVALID', field: 'repository' } },
    ])
  })
})
