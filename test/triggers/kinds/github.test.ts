import { expect, it } from 'vitest'
import { github } from '../../fixtures/receivers-of-triggers/github.ts'
import { startReceiver } from '../../fixtures/receivers-of-triggers/receiver.ts'
import { MOVE, startAttempts } from './attempts.ts'

const TOKEN = 'ghp_0123456789abcdefghij'
const KNOWN = { token: TOKEN, repository: 'acme/app', workflow: 'build.yml', ref: 'main', inputs: ['image'] }
const REPOSITORY = { owner: 'acme', repository: 'app', token: TOKEN }

it('repository_dispatch: the simplest definition sends what a CloudEvent says, in ten keys at most', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(github(KNOWN))
  const input = { ...REPOSITORY, url: receiver.url }
  const { answer } = await attempts.run({ kind: 'GITHUB_REPOSITORY_DISPATCH', input })
  expect(answer).toMatchObject({ status: 204, failure: null })
  expect(JSON.parse(receiver.request.body)).toMatchObject({
    event_type: 'image-moved',
    client_payload: { tag: 'v1', digest: MOVE.digest, repository: 'registry.example.org/team/app' },
  })
})

it('repository_dispatch: the payload of a base image’s move has ten keys at most', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(github(KNOWN))
  const { namespace, imageStream, tag, digest, previousDigest, dockerImageReference } = MOVE
  const baseImage = { namespace, imageStream, tag, digest, previousDigest, dockerImageReference }
  const input = { ...REPOSITORY, url: receiver.url }
  const move = { ...MOVE, baseImage }
  const { answer } = await attempts.run({ kind: 'GITHUB_REPOSITORY_DISPATCH', input }, { move })
  expect(answer.failure).toBeNull()
  expect(JSON.parse(receiver.request.body).client_payload).toMatchObject({ baseImage })
})

it('repository_dispatch: type and payload are the user’s', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(github(KNOWN))
  const clientPayload = '{"image":"{{ dockerImageReference }}","deep":{"n":1}}'
  const input = { ...REPOSITORY, url: receiver.url, eventType: 'rebuild', clientPayload }
  const { answer } = await attempts.run({ kind: 'GITHUB_REPOSITORY_DISPATCH', input })
  expect(answer.link).toBe(`${receiver.url}/acme/app/actions?query=event%3Arepository_dispatch`)
  expect(JSON.parse(receiver.request.body)).toEqual({
    event_type: 'rebuild',
    client_payload: { image: MOVE.dockerImageReference, deep: { n: 1 } },
  })
})

it('workflow_dispatch: inputs are texts with placeholders', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(github(KNOWN))
  const inputs = [{ name: 'image', value: '{{ repository }}:{{ tag }}' }]
  const input = { ...REPOSITORY, url: receiver.url, workflow: 'build.yml', inputs }
  const { answer } = await attempts.run({ kind: 'GITHUB_WORKFLOW_DISPATCH', input })
  expect(answer).toMatchObject({
    ...{ status: 204, failure: null },
    link: `${receiver.url}/acme/app/actions/workflows/build.yml`,
  })
  const body = { ref: 'main', inputs: { image: 'registry.example.org/team/app:v1' } }
  expect(JSON.parse(receiver.request.body)).toEqual(body)
})

it('workflow_dispatch: an Enterprise Server below /api/v3 is not asked for the run, whose key it may refuse', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(github({ ...KNOWN, isEnterprise: true }))
  const input = { ...REPOSITORY, url: `${receiver.url}/api/v3/`, workflow: 'build.yml' }
  const { answer } = await attempts.run({ kind: 'GITHUB_WORKFLOW_DISPATCH', input })
  expect(answer.link).toBe(`${receiver.url}/acme/app/actions/workflows/build.yml`)
  expect(receiver.request.path).toBe('/api/v3/repos/acme/app/actions/workflows/build.yml/dispatches')
})

it.each([
  ['a wrong token', { token: 'other' }, 'LATER', 'give a new one'],
  ['a repository that the token may not see', { repository: 'none' }, 'LATER', 'the right to write actions'],
  [
    'a workflow that is not there',
    { workflow: 'none.yml' },
    'LATER',
    'there is no such repository or workflow',
  ],
  ['a ref that is not there', { ref: 'none' }, 'NEVER', '"No ref found for: none": the ref must exist'],
  [
    'an input that the workflow does not declare',
    { inputs: [{ name: 'x', value: '' }] },
    'NEVER',
    '"Unexpected inputs provided: ["x"]": the ref must exist, its workflow must have "on: workflow_dispatch", and must declare each input',
  ],
])('%s is refused with a remedy', async (_, change, kind, message) => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(github(KNOWN))
  const input = { ...REPOSITORY, url: receiver.url, workflow: 'build.yml', ...change }
  const { answer } = await attempts.run({ kind: 'GITHUB_WORKFLOW_DISPATCH', input })
  expect(answer.failure?.kind).toBe(kind)
  expect(answer.failure?.message).toContain(message)
})

it.each([
  ['a fraction of a second', { 'retry-after': '64.57' }, 64_570],
  ['a number beyond all limits', { 'retry-after': '99999999999999' }, 1e15],
  [
    'the time at which GitHub counts again',
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '4102444800' },
    1e10,
  ],
])('%s is waited for', async (_name, headers, least) => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => ({ status: 403, headers }))
  const { answer } = await attempts.run({
    kind: 'GITHUB_REPOSITORY_DISPATCH',
    input: { ...REPOSITORY, url: receiver.url },
  })
  expect(answer.failure?.kind).toBe('LATER')
  expect(answer.failure).toHaveProperty('retryAfter')
  expect(Number((answer.failure as { retryAfter?: number }).retryAfter)).toBeGreaterThanOrEqual(least)
})

it('a limit of requests is waited for as long as GitHub asks', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => ({
    ...{ status: 403, headers: { 'retry-after': '60' } },
    body: { message: 'You have exceeded a secondary rate limit' },
  }))
  const input = { ...REPOSITORY, url: receiver.url }
  const { answer } = await attempts.run({ kind: 'GITHUB_REPOSITORY_DISPATCH', input })
  expect(answer.failure).toMatchObject({ kind: 'LATER', retryAfter: 60_000 })
  expect(answer.failure?.message).toContain('secondary rate limit')
})
