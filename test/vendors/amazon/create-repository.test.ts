import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { Secret } from '../../../src/logins/registry-login.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { REMEDIES } from '../../../src/remote/login/remedies.ts'
import { ecrRepository } from '../../../src/vendors/amazon/create-repository.ts'
import { startCloud } from '../../fixtures/cloud.ts'
import { always, refusalOf, TestClient } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { ecr } from '../../remote/login/cloud.ts'

const BYTES = Buffer.from('layer')
const blob = { digest: digestOf(BYTES), size: BYTES.length, read: () => Readable.from([BYTES]) }
const COMMAND = '`aws ecr create-repository --region eu-west-1 --repository-name team/app` creates it'

/** Pushes a blob to a registry that creates no repository, with a cloud that creates it or refuses with this error. */
async function start({ refusal = null, secret }: { refusal?: string | null; secret?: Secret } = {}) {
  const created: string[] = []
  const { setup, secret: key } = ecr({
    createRepository(name) {
      created.push(name)
      if (refusal === null || refusal === 'RepositoryAlreadyExistsException') upstream.create(name)
      return refusal
    },
  })
  const cloud = await startCloud(setup.endpoint)
  const upstream = await startUpstream({ auth: setup.auth, pushes: { createsRepositories: false } })
  const client = new TestClient({
    credentials: always(secret ?? key),
    cloudEndpoint: cloud.endpoint,
    repositoryCreators: [ecrRepository],
  })
  return {
    created,
    upstream,
    push: (createMissing: boolean) =>
      client.writable(`${upstream.host}/team/app`, {}, { createMissing }).pushBlob(blob),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
      await cloud[Symbol.asyncDispose]()
    },
  }
}

describe('a repository of Amazon ECR that does not exist', () => {
  test('is created by the access key of the push where that is allowed', async () => {
    await using it = await start()
    expect(await it.push(true)).toBe('UPLOADED')
    expect(it.created).toEqual(['team/app'])
    expect(it.upstream.blob('team/app', blob.digest)?.equals(BYTES)).toBe(true)
  })

  test('may have been created by another push meanwhile', async () => {
    await using it = await start({ refusal: 'RepositoryAlreadyExistsException' })
    expect(await it.push(true)).toBe('UPLOADED')
  })

  test('is not created otherwise: the error names the command that does', async () => {
    await using it = await start()
    const refusal = await refusalOf(it.push(false))
    expect(refusal).toMatchObject({ reason: 'NotFound', status: 404 })
    expect(refusal.message).toContain(REMEDIES.create)
    expect(refusal.message).toContain(COMMAND)
    expect(it.created).toEqual([])
  })

  test.each([
    ['AccessDeniedException', 'Forbidden'],
    ['LimitExceededException', 'Unauthorized'],
    ['ThrottlingException', 'TooManyRequests'],
  ])('that cannot be created by a key is reported: %s', async (refusal, reason) => {
    await using it = await start({ refusal })
    const error = await refusalOf(it.push(true))
    expect(error.reason).toBe(reason)
    expect(error.message).toContain(`cannot create ${it.upstream.host}/team/app`)
    expect(error.message).toContain(refusal)
    expect(it.created).toHaveLength(1)
  })

  const target = { registry: '123456789012.dkr.ecr.eu-west-1.amazonaws.com', repository: 'team/app' }
  const secret = { kind: 'password', username: 'AWS', password: 'from the command line' } as const

  test('cannot be created by a password', () => {
    const creation = ecrRepository({ ...target, secret, endpoint: undefined as never })
    expect(creation).toMatchObject({ create: null, command: expect.stringContaining('--region eu-west-1') })
  })

  test.each(['quay.io', 'public.ecr.aws', '123456789012.dkr.ecr.evil.example'])(
    'is not of %s',
    (registry) => {
      expect(ecrRepository({ ...target, registry, secret, endpoint: undefined as never })).toBeNull()
    },
  )
})
