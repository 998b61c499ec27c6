import { describe, expect, test } from 'vitest'
import { NO_RULES } from '../../../src/remote/location/registry-rules.ts'
import { createAuthority } from '../../fixtures/certificates.ts'
import { startCloud } from '../../fixtures/cloud.ts'
import { refusalOf, TestClient, tag } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { json } from '../../fixtures/upstream-response.ts'
import { ecr, start } from './cloud.ts'

describe('an endpoint of a cloud', () => {
  test('is not followed to a redirect target', async () => {
    const { setup } = ecr()
    await using it = await start(setup)
    it.cloud.hook = () => ({ status: 307, headers: { location: `${it.upstream.url}/stolen` }, body: '' })
    const error = await refusalOf(it.resolve())
    expect(error.message).toContain('responded with 307')
    expect(it.upstream.log.filter(({ method }) => method === 'POST')).toEqual([])
  })

  test.each([
    ['nothing', {}],
    ['no list', { authorizationData: 'x' }],
    ['no pair', { authorizationData: [{ authorizationToken: 'AAAA' }] }],
    ['no password', { authorizationData: [{ authorizationToken: Buffer.from('AWS:').toString('base64') }] }],
    ['what breaks a header', { authorizationData: [{ authorizationToken: 'QVdT\r\nx: y' }] }],
  ])('fails when it returns %s in place of a token', async (_what, body) => {
    const { setup } = ecr()
    await using it = await start(setup)
    it.cloud.hook = () => json(200, body)
    const error = await refusalOf(it.resolve())
    expect(error.reason).toBe('RegistryUnavailable')
    expect(error.message).toMatch(/the response of \S+ contains no token$/)
  })

  test('fails when its response is too large', async () => {
    const { setup } = ecr()
    await using it = await start(setup)
    it.cloud.hook = () => json(200, { authorizationData: 'x'.repeat(1024 * 1024) })
    expect((await refusalOf(it.resolve())).message).toMatch(/ failed: the response is larger than 1048576/)
  })

  test('is subject to the check of addresses', async () => {
    const { setup } = ecr()
    const cloudEndpoint = () => new URL('http://169.254.169.254/latest/meta-data')
    await using it = await start(setup, { cloudEndpoint })
    expect(await refusalOf(it.resolve())).toMatchObject({ reason: 'ForbiddenTarget' })
  })

  test('receives no request when a configuration blocks it', async () => {
    const { setup } = ecr()
    const blocked = { blockedBy: 'the configuration of amazonaws.com blocks it' }
    await using it = await start(setup, { rules: () => ({ ...NO_RULES, routeToOtherHost: () => blocked }) })
    const error = await refusalOf(it.resolve())
    expect(error.reason).toBe('Blocked')
    expect(error.message).toMatch(
      /^cannot log in to \S+: no request was sent to \S+: the configuration of amazonaws.com blocks it$/,
    )
    expect(it.cloud.log).toEqual([])
  })

  test('must have a certificate that verifies, also for an insecure registry', async () => {
    const { setup } = ecr()
    const tls = await (await createAuthority()).issue(['127.0.0.1'])
    await using impostor = await startUpstream({ tls })
    await using it = await start(setup, { cloudEndpoint: () => new URL(impostor.url) })
    const repository = it.client.repository(`${it.upstream.host}/team/app`, { insecure: true })
    const error = await refusalOf(repository.resolveTag(tag('1'), null))
    expect(error.message).toMatch(/its certificate/)
    expect(impostor.log).toEqual([])
  })
})

describe('a credential that is sent to a vendor’s interface', () => {
  test('counts as used, and another one does not', async () => {
    await using cloud = await startCloud(() => json(200, {}))
    let uses = 0
    const onUsed = () => {
      uses += 1
    }
    const credential = {
      id: 'me',
      secret: { kind: 'password', username: 'me', password: 'x' },
      onUsed,
    } as const
    await using client = new TestClient({ credentials: { find: async () => credential } })
    const context = { insecure: false, lane: 'test', namespace: null, signal: new AbortController().signal }
    const api = client.remote.api({ registry: 'registry.example', repository: 'team/app' }, context)
    const url = cloud.endpoint(new URL('https://api.example/tags'))
    const request = { method: 'GET', headers: {}, maxBytes: 1000 } as const

    await api.credential()
    await api.requestUrl(url, request)
    expect(uses).toBe(0)
    await api.requestUrl(url, { ...request, account: 'me' })
    expect(uses).toBe(1)
  })
})
