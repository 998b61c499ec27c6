import { describe, expect, test } from 'vitest'
import type { Secret } from '../../../src/logins/registry-login.ts'
import type { RenewalFailure } from '../../../src/remote/login/cloud-logins.ts'
import type { Credentials } from '../../../src/remote/login/credentials.ts'
import { refusalOf, tag } from '../../fixtures/registry-client.ts'
import type { UpstreamAuthOptions } from '../../fixtures/upstream-auth.ts'
import { errorResponse, json } from '../../fixtures/upstream-response.ts'
import { app, ecr, HOUR, MINUTE, START, start } from '../../remote/login/cloud.ts'

describe('Amazon ECR', () => {
  test('returns a password for a signed request, which is sent to the registry with the username AWS', async () => {
    const { setup, aws } = ecr()
    await using it = await start(setup)

    expect(await it.resolve()).toEqual({ digest: app.digest })

    expect(it.cloud.log).toMatchObject([
      {
        host: 'api.ecr.eu-west-1.amazonaws.com',
        method: 'POST',
        path: '/',
        body: '{}',
        headers: {
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken',
          'x-amz-date': '20260101T000000Z',
        },
      },
    ])
    const received = it.upstream.log.map(({ headers }) => headers.authorization).filter(Boolean)
    const { username, password } = aws.login
    expect(received).toEqual([`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`])
  })

  test('receives the session token of a temporary key, covered by the signature', async () => {
    const { setup } = ecr({ accessKeyId: 'ASIAIOSFODNN7EXAMPLE', sessionToken: 'canary-session' })
    await using it = await start(setup)
    expect(await it.resolve()).toEqual({ digest: app.digest })
    expect(it.cloud.log[0]?.headers['x-amz-security-token']).toBe('canary-session')
  })

  test('receives one request for concurrent logins', async () => {
    const { setup, aws } = ecr()
    await using it = await start(setup)
    await Promise.all(Array.from({ length: 30 }, (_, at) => it.resolve(at % 2 ? 'team/app' : 'team/other')))
    expect(aws.given).toBe(1)
  })

  test('issues passwords for 12 h, which are renewed at half of that', async () => {
    const { setup, aws, by } = ecr()
    await using it = await start(setup)
    by(it.clock)
    await it.resolve()

    it.clock.time += 6 * HOUR - MINUTE
    await it.resolve()
    expect(aws.given).toBe(1)

    it.clock.time += 2 * MINUTE
    expect(await it.resolve()).toEqual({ digest: app.digest })
    expect(aws.given).toBe(2)
  })

  test('may be unavailable for hours: the old password is used until it expires', async () => {
    const { setup, aws, by } = ecr()
    // only the first password opens the registry
    const auth = {
      scheme: 'basic',
      credentials: { username: 'AWS', password: 'canary-ecr-password-1' },
    } as const
    await using it = await start({ ...setup, auth })
    by(it.clock)
    await it.resolve()

    it.cloud.hook = () => json(500, { __type: 'ServerException', message: 'try later' })
    for (let hours = 7; hours < 12; hours += 1) {
      it.clock.time = START + hours * HOUR
      expect(await it.resolve()).toEqual({ digest: app.digest })
    }
    it.clock.time = START + 12 * HOUR
    const error = await refusalOf(it.resolve())

    expect(error).toMatchObject({ reason: 'RegistryUnavailable', status: 500 })
    expect(error.message).toMatch(
      /cannot log in to .*: no token was returned: 127\.0\.0\.1:\d+ responded with 500 ServerException: try later/,
    )
    expect(aws.given).toBe(1)
  })

  test('causes one warning when it cannot renew a password', async () => {
    const { setup, by } = ecr()
    const failures: RenewalFailure[] = []
    await using it = await start(setup, { onRenewalFailed: (login) => void failures.push(login) })
    by(it.clock)
    await it.resolve()
    expect(failures).toEqual([])

    it.cloud.hook = () => json(503, { message: 'canary' })
    for (const hours of [7, 8, 9]) {
      it.clock.time = START + hours * HOUR
      await it.resolve()
    }

    expect(failures).toMatchObject([{ registry: it.upstream.host }])
    expect(failures[0]?.expires).toBeGreaterThan(START + 11 * HOUR)
    expect(failures[0]?.message).toMatch(/responded with 503/)
    // and once more after a success and another failure
    it.cloud.hook = undefined
    it.clock.time = START + 10 * HOUR
    await it.resolve()
    it.cloud.hook = () => json(503, {})
    it.clock.time += 7 * HOUR
    await it.resolve()
    expect(failures).toHaveLength(2)
  })

  test('is not requested again for a while after a failure', async () => {
    const { setup } = ecr()
    await using it = await start(setup)
    it.cloud.hook = () => json(404, { message: 'missing' })

    for (let at = 0; at < 5; at += 1) await refusalOf(it.resolve())
    expect(it.cloud.log).toHaveLength(1)

    it.cloud.hook = undefined
    it.clock.time += 11_000
    expect(await it.resolve()).toEqual({ digest: app.digest })
  })

  test('receives a refused key once a minute, not once for each tag: repeated failures block an address', async () => {
    const { setup } = ecr()
    const secret: Secret = { ...setup.secret, kind: 'aws', secretAccessKey: 'canary-wrong-key' } as Secret
    await using it = await start({ ...setup, secret })

    const errors = []
    for (let at = 0; at < 20; at += 1) errors.push(await refusalOf(it.resolve()))

    expect(it.cloud.log).toHaveLength(1)
    expect(errors[0]).toMatchObject({ reason: 'Unauthorized', status: 400 })
    expect(errors[0]?.message).toMatch(
      /^cannot log in to .*: Amazon refused the access key: \S+ responded with 400 InvalidSignatureException: The request signature we calculated does not match/,
    )
    expect(new Set(errors.map(({ message }) => message)).size).toBe(1)
    it.clock.time += MINUTE + 1
    await refusalOf(it.resolve())
    expect(it.cloud.log).toHaveLength(2)
  })

  test.each([
    ['AccessDeniedException', 'Forbidden'],
    ['UnrecognizedClientException', 'Unauthorized'],
    ['ThrottlingException', 'TooManyRequests'],
  ])('maps %s with status 400 to %s', async (type, reason) => {
    const { setup } = ecr()
    await using it = await start(setup)
    it.cloud.hook = () => json(400, { __type: `com.amazon.coral#${type}`, message: 'because' })
    const error = await refusalOf(it.resolve())
    expect(error).toMatchObject({ reason, status: 400 })
    expect(error.message).toContain(`400 com.amazon.coral#${type}: because`)
  })

  test('does not prevent anonymous access when it refuses the key', async () => {
    const { setup, aws } = ecr()
    const auth: UpstreamAuthOptions = { scheme: 'bearer', credentials: aws.login, mayPull: () => true }
    await using it = await start({ ...setup, auth })
    it.cloud.hook = () => json(400, { __type: 'UnrecognizedClientException', message: 'no' })
    expect(await it.resolve()).toEqual({ digest: app.digest })
  })

  test('is not requested for a registry without authentication', async () => {
    const { setup } = ecr()
    await using it = await start({ ...setup, auth: { scheme: 'basic', mayPull: () => true } })
    await it.resolve()
    expect(it.cloud.log).toEqual([])
  })

  test('is requested again when the registry refuses an old password, but not for a new one', async () => {
    const { setup, aws, by } = ecr()
    await using it = await start(setup)
    by(it.clock)
    await it.resolve()
    it.upstream.hook = ({ headers: { authorization = '' } }) =>
      Buffer.from(authorization.slice(6), 'base64').toString().endsWith('-1')
        ? errorResponse(403, 'DENIED')
        : undefined

    expect(await refusalOf(it.resolve())).toMatchObject({ reason: 'Forbidden' })
    expect(aws.given).toBe(1)
    it.clock.time += 6 * MINUTE
    expect(await it.resolve()).toEqual({ digest: app.digest })
    expect(aws.given).toBe(2)
  })

  test('returns the password to other callers when the first one aborts', async () => {
    const { setup, aws } = ecr()
    await using it = await start(setup)
    let arrived: () => void = () => {}
    const reached = new Promise<void>((resolve) => {
      arrived = resolve
    })
    let isFirst = true
    it.cloud.hook = () => {
      arrived()
      // the first request gets no response
      if (!isFirst) return undefined
      isFirst = false
      return new Promise(() => {})
    }
    const impatient = new AbortController()
    const first = it.resolve('team/app', impatient.signal)
    await reached
    const second = it.resolve('team/other')
    impatient.abort(new Error('gone'))

    await expect(first).rejects.toThrow('gone')
    expect(await second).toEqual({ digest: app.digest })
    expect(aws.given).toBe(1)
  })

  test('issues a password for each credential, which others do not use', async () => {
    const { setup, aws } = ecr()
    const credentials: Credentials = {
      find: async (_registry, _repository, namespace) => ({ id: `of ${namespace}`, secret: setup.secret }),
      cacheScope: (_registry, namespace) => namespace ?? '',
    }
    await using it = await start(
      { ...setup, auth: { ...setup.auth, credentials: aws.login } },
      { credentials },
    )
    for (const namespace of ['rich', 'poor', 'rich']) {
      const repository = it.client.repository(`${it.upstream.host}/team/app`, { namespace })
      await repository.resolveTag(tag('1'), null).catch(() => {})
    }
    expect(aws.given).toBe(2)
  })
})
