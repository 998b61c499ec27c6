import { expect, test } from 'vitest'
import { image } from '../../fixtures/random-image.ts'
import { always, password } from '../../fixtures/registry-client.ts'
import { json } from '../../fixtures/upstream-response.ts'
import { type EcrOptions, ecrSide } from '../../fixtures/vendors/ecr.ts'
import { startVendor, tagsOf } from '../world.ts'

const REPOSITORY = 'team/app'
const KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a very s3cret key' }
const REGION = 'eu-west-1'
const one = image({ seed: 'one' })
const two = image({ seed: 'two' })

const withKey = (key: Partial<typeof KEY> & { readonly sessionToken?: string } = {}) => ({
  credentials: always({ kind: 'aws', ...KEY, sessionToken: null, region: REGION, ...key }),
})
const side = (options: Partial<EcrOptions> = {}) => ecrSide({ ...KEY, region: REGION, ...options })

test('5,000 tags cost 5 ListImages requests with a maxResults of 1,000', async () => {
  await using ecr = await startVendor(side(), withKey())
  const { registry, client, name } = ecr
  for (let at = 0; at < 5000; at += 1) registry.push(REPOSITORY, `v${at}`, one)

  const { claims, isComplete } = await client.read(name)

  expect(new Set(tagsOf(claims)).size).toBe(5000)
  expect(isComplete).toBe(true)
  expect(registry.requests).toMatchObject({ vendor: 5, other: 0 })
})

test('untagged images are left out by the filter tagStatus TAGGED, also if the registry ignores it', async () => {
  await using ecr = await startVendor(side({ ignoresFilter: true }), withKey())
  const { registry, client, name } = ecr
  registry.push(REPOSITORY, 'latest', one)
  registry.push(REPOSITORY, null, two)

  const { claims } = await client.read(name)

  expect(claims).toEqual([{ tag: 'latest', digest: one.digest, changedAt: null }])
  expect(client.warnings).toEqual([])
})

test('a request has a signature of version 4, and does not contain the secret key', async () => {
  await using ecr = await startVendor(side(), withKey())
  const { registry, client, name } = ecr
  registry.push(REPOSITORY, 'latest', one)

  await client.read(name)

  const [request] = registry.log
  expect(request?.headers.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20260101\/eu-west-1\/ecr\/aws4_request, SignedHeaders=[a-z0-9;-]+, Signature=[0-9a-f]{64}$/,
  )
  expect(JSON.stringify(request)).not.toContain(KEY.secretAccessKey)
})

test('a request with a temporary key contains its session token', async () => {
  await using ecr = await startVendor(side(), withKey({ sessionToken: 'a session' }))
  ecr.registry.push(REPOSITORY, 'latest', one)

  expect((await ecr.client.read(ecr.name)).claims).toHaveLength(1)
  expect(ecr.registry.log[0]?.headers['x-amz-security-token']).toBe('a session')
})

test('there is no listing without an access key: a password cannot sign requests', async () => {
  await using ecr = await startVendor(side(), { credentials: password('AWS', 'a token of twelve hours') })

  expect(await ecr.client.find(ecr.name)).toBeNull()
  expect(ecr.registry.log).toEqual([])
})

test.each([
  ['UnrecognizedClientException', 'Unauthorized'],
  ['ExpiredTokenException', 'Unauthorized'],
  ['AccessDeniedException', 'Forbidden'],
  ['RepositoryNotFoundException', 'NotFound'],
  ['ThrottlingException', 'TooManyRequests'],
  ['ValidationException', 'InvalidListing'],
])('the error %s with status 400 is %s', async (type, reason) => {
  await using ecr = await startVendor(side(), withKey())
  ecr.registry.hook = () => json(400, { __type: type, message: `${KEY.secretAccessKey} is not for this` })

  const error = await ecr.client.refusal(ecr.name)

  expect(error).toMatchObject({ vendor: 'Amazon ECR', reason })
  expect(error.message).toContain('is not for this')
  expect(error.message).not.toContain(KEY.secretAccessKey)
})

test('a refused key is Unauthorized', async () => {
  await using ecr = await startVendor(side(), withKey({ secretAccessKey: 'another key' }))
  ecr.registry.push(REPOSITORY, 'latest', one)

  expect(await ecr.client.refusal(ecr.name)).toMatchObject({ reason: 'Unauthorized' })
})
