import { createHash } from 'node:crypto'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { newSealingKey } from '../../src/secrets/sealing-key.ts'
import { startApp } from '../fixtures/app.ts'
import { HttpBrowser, locationOf } from '../fixtures/http-browser.ts'
import { startOidcProvider } from '../fixtures/oidc-provider.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { errorResponse } from '../fixtures/upstream-response.ts'
import { Recording } from './recorded-session.ts'

const CLIENT_SECRET = 'client-secret-of-the-provider-7'
const PASSWORD = 'password-of-a-registry-7'
const PROXY_PASSWORD = 'password-of-a-proxy-7'
const VERIFIER = 'verifier-of-a-command-line-'.padEnd(64, '7')
const AUDIENCE = 'https://streams.example.org'
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const EXCHANGE = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
}

type Fields = Readonly<Record<string, string>>

const jsonOf = async (response: Response): Promise<Fields> => (await response.json()) as Fields
const basic = (user: string, password: string): Fields => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})
const bearer = (token: string): Fields => ({ authorization: `Bearer ${token}` })

/** What a server admin can read of all this. */
const READS = [
  'auditEntries(first: 200) { nodes { action principalName address target details outcome } }',
  'accessTokens { nodes { name prefix grants { role place } } } sessions { nodes { id kind } } users { nodes { name email groups } }',
  'grants { nodes { subject role } } federationRules { nodes { name issuer claims { name patterns } } }',
  'receivers { nodes { url sender deliveries(first: 9) { nodes { outcome message } } } } registryHosts { nodes { host } }',
  'registryCredentials { nodes { prefix username unboundBy } } registryConfigurations { nodes { prefix proxy { url username } } }',
  'imageStreams { nodes { document tags(first: 9) { nodes { tag conditions { message } } } } }',
  'imageStreams { nodes { imports(first: 9) { nodes { message results(first: 9) { nodes { message } } } } } }',
]

test('no secret of a session with everything is in a log, in a response to others, in a metric, or in the files', async () => {
  let origin = 'http://none'
  using recording = new Recording(() => origin)
  const sealingKey = newSealingKey()
  await using provider = await startOidcProvider()
  await using upstream = await startUpstream({
    auth: { scheme: 'basic', credentials: { username: 'me', password: PASSWORD } },
  })
  upstream.push('team/app', 'v1', image({ seed: 'v1' }))
  await using server = await startApp(
    {
      signIn: 'oidc',
      oidcIssuer: new URL(provider.issuer),
      oidcClientId: 'streams',
      oidcClientSecret: CLIENT_SECRET,
      credentialsKey: sealingKey,
      logLevel: 'trace',
    },
    { log: pino({ level: 'trace' }, recording) },
  )
  origin = server.app.url.replace('127.0.0.1', 'localhost')
  recording.secret('sealing key', sealingKey.split(':').at(-1))
  recording.secret('client secret of the provider', CLIENT_SECRET)
  recording.secret('password of a registry', PASSWORD)
  recording.secret('login of a registry', Buffer.from(`me:${PASSWORD}`).toString('base64'))
  recording.secret('password of a proxy', PROXY_PASSWORD)
  recording.secret('verifier of a command line', VERIFIER)

  const send = (path: string, headers: Fields, body?: URLSearchParams | string): Promise<Response> =>
    fetch(`${origin}${path}`, { headers, ...(body !== undefined && { method: 'POST', body }) })
  const run = async (token: string, query: string, variables: object = {}) => {
    const headers = { ...bearer(token), 'content-type': 'application/json' }
    const response = await send('/graphql', headers, JSON.stringify({ query, variables }))
    return (await response.json()) as { data: Record<string, Record<string, unknown>>; errors?: unknown }
  }
  const mutate = async (token: string, name: string, input: object, selection: string) => {
    const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`
    const query = `mutation ($input: ${type}!) { ${name}(input: $input) { ${selection} } }`
    const { data, errors } = await run(token, query, { input })
    expect([name, errors]).toEqual([name, undefined])
    return data[name] as Record<string, unknown>
  }

  // the first admin
  const code = new URL(server.app.firstAdminLink ?? '').searchParams.get('code')
  await send('/sign-in/first-admin', {}, new URLSearchParams({ code: `${code}`.replace(/.$/, '0') }))
  const begun = await jsonOf(await send('/sign-in/first-admin', {}, new URLSearchParams({ code: `${code}` })))
  recording.secret('code of the first admin', code)
  const admin = recording.secret('session of the first admin', begun.session)

  // a person in a browser, and at two command lines
  provider.service.on('beforeResponse', ({ body }) => {
    const { id_token, access_token } = body as Fields
    recording.secret('ID token', id_token)
    recording.secret('access token of the provider', access_token)
  })
  provider.service.on('beforeAuthorizeRedirect', ({ url }) => {
    recording.secret('authorization code', url.searchParams.get('code'))
    recording.secret('state of a sign-in', url.searchParams.get('state'))
  })
  const browser = new HttpBrowser(origin)
  await browser.get('/sign-in/callback?code=wrong-authorization-code&state=wrong-state-of-a-sign-in')
  await browser.signIn('/graphql')
  const session = recording.secret('session of a browser', browser.cookies.get('imagestreams'))
  const asked = {
    redirect_uri: 'http://127.0.0.1:9/',
    state: 'state-of-a-command-line',
    code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
    code_challenge_method: 'S256',
  }
  const allowed = await browser.post('/sign-in/command-line', { ...asked, answer: 'allow' })
  const oneTime = new URL(locationOf(allowed)).searchParams.get('code') ?? ''
  recording.secret('code of a command line', oneTime)
  const exchange = { grant_type: 'authorization_code', code: oneTime, code_verifier: VERIFIER }
  const form = new URLSearchParams({ ...exchange, redirect_uri: asked.redirect_uri })
  recording.secret(
    'session of a command line',
    (await jsonOf(await send('/sign-in/token', {}, form))).access_token,
  )
  const device = await jsonOf(await send('/sign-in/device/code', {}, new URLSearchParams()))
  recording.secret('device code', device.device_code)
  await browser.post('/sign-in/device', { user_code: device.user_code ?? '', answer: 'allow' })
  const poll = new URLSearchParams({ grant_type: DEVICE_GRANT, device_code: device.device_code ?? '' })
  recording.secret('session of a device', (await jsonOf(await send('/sign-in/token', {}, poll))).access_token)

  // machines
  const grants = [{ role: 'EDITOR', place: 'team/*' }]
  const created = await mutate(
    admin,
    'createAccessToken',
    { name: 'ci', grants },
    'secret accessToken { id }',
  )
  const token = recording.secret('access token', String(created.secret))
  const claims = [{ name: 'sub', patterns: ['machine'] }]
  await mutate(
    ...([admin, 'createFederationRule'] as const),
    { name: 'any', issuer: provider.issuer, audience: AUDIENCE, claims, grants },
    'federationRule { id }',
  )
  const identity = recording.secret(
    'token of a machine',
    await provider.token({ aud: AUDIENCE, sub: 'machine' }),
  )
  const refused = recording.secret(
    'refused token of a machine',
    await provider.token({ aud: AUDIENCE, sub: 'other' }),
  )
  const exchanged = new URLSearchParams({ ...EXCHANGE, subject_token: identity })
  recording.secret('exchanged token', (await jsonOf(await send('/token', {}, exchanged))).access_token)
  await send('/token', {}, new URLSearchParams({ ...EXCHANGE, subject_token: refused }))
  await run(
    admin,
    'query ($token: String!) { explainFederation(token: $token) { nodes { refusals { message } } } }',
    { token: refused },
  )
  const scope = 'repository:team/pushed:pull,push'
  const issued = await jsonOf(await send(`/token?offline_token=true&scope=${scope}`, basic('ci', token)))
  const registryToken = recording.secret('token of the registry', issued.token)
  await new PushClient(origin, { headers: bearer(registryToken) }).push(
    ...([{ repository: 'team/pushed', tag: 'v1' }, image({ seed: 'pushed' }), 'POST and PUT'] as const),
  )

  // other registries, one of which repeats what it receives
  const secrets = { prefix: upstream.host, username: 'me', password: PASSWORD }
  await mutate(
    admin,
    'setRegistryCredential',
    { namespace: 'team', ...secrets },
    'registryCredential { prefix }',
  )
  const auths = { 'quay.io': { auth: Buffer.from(`me:${PASSWORD}`).toString('base64') } }
  await mutate(
    admin,
    'importDockerConfig',
    { namespace: 'team', config: JSON.stringify({ auths }) },
    'skipped { message }',
  )
  const from = { kind: 'DOCKER_IMAGE', name: `${upstream.host}/team/app:v1` }
  await mutate(token, 'tagImage', { imageStream: 'team/app', tag: 'v1', from }, 'import { state }')
  upstream.hook = ({ headers }) =>
    errorResponse(500, `SECRET ${headers.authorization} ${PASSWORD}`, {
      location: `http://me:${PASSWORD}@127.0.0.1:9/`,
    })
  await mutate(token, 'importImage', { imageStream: 'team/app' }, 'import { message }')
  await run(
    token,
    `mutation { testRegistryCredential(input: { namespace: "team", prefix: "${upstream.host}", repository: "team/app" }) { message } }`,
  )
  const proxy = { url: 'http://127.0.0.1:9', username: 'me', password: PROXY_PASSWORD }
  await mutate(
    admin,
    'configureRegistry',
    { prefix: 'registry.example.com', proxy },
    'registryConfiguration { prefix }',
  )
  const receiver = await mutate(
    ...([admin, 'createReceiver', { namespace: 'team', sender: 'GENERIC', registry: 'quay.io' }] as const),
    'url secret receiver { id }',
  )
  recording.secret('secret of a receiver', String(receiver.secret))
  const path = new URL(String(receiver.url)).pathname
  const hub = await mutate(
    admin,
    'createReceiver',
    { namespace: 'team', sender: 'DOCKER_HUB' },
    'url receiver { id }',
  )
  const { pathname, search, searchParams } = new URL(String(hub.url))
  recording.secret('secret in the address of a receiver', [...searchParams.values()][0])
  await send(`${pathname}${search}`, { 'content-type': 'application/json' }, '{}')
  await send(path, { 'content-type': 'application/json', 'x-token': String(receiver.secret) }, '{"wrong":')

  // wrong and revoked credentials, in every place for one
  const { id } = created.accessToken as { id: string }
  await mutate(admin, 'revokeAccessToken', { id }, 'accessToken { name }')
  for (const headers of [
    bearer(token),
    basic('ci', token),
    basic(token, PASSWORD),
    { cookie: `imagestreams=${token}` },
  ]) {
    for (const place of [
      '/graphql?query={__typename}',
      '/v2/',
      '/v2/team/pushed/tags/list',
      `/token?scope=${scope}`,
      '/metrics',
    ])
      await send(place, headers)
  }
  await send(`/graphql?access_token=${token}`, { authorization: `Token ${token}` })
  for (const read of READS) {
    await run(session, `{ ${read} }`)
    expect((await run(admin, `{ ${read} }`)).errors).toBeUndefined()
  }
  expect((await send('/metrics', bearer(admin))).status).toBe(200)

  const folder = server.app.dataFolder
  expect(recording.found(folder)).toEqual([])
  expect(recording.names.length).toBeGreaterThan(20)
  // what is no secret is found, wherever it is
  recording.secret('name of a registry', upstream.host)
  await run(admin, '{ registryHosts { nodes { host } } }')
  const found = recording
    .found(folder)
    .map((text) => text.replace(/^name of a registry in (the (?:log|response)|\S+).*/s, '$1'))
  expect([...new Set(found)]).toEqual(expect.arrayContaining(['the response', '/imagestreams.db-wal']))
}, 60_000)
