import { expect, it } from 'vitest'
import { argoWorkflows, gitlab, jenkins, tekton } from '../../fixtures/receivers-of-triggers/builds.ts'
import { startReceiver } from '../../fixtures/receivers-of-triggers/receiver.ts'
import { MOVE, startAttempts, WEBHOOK_ID } from './attempts.ts'

const GITLAB = { token: 'glptt-0123456789', project: 'team/sub/app', ref: 'main' }
const JENKINS = {
  user: 'ci',
  token: 'jenkins-token-1',
  path: '/job/team/job/app',
  parameters: [] as string[],
}

it('GitLab: the simplest definition starts a pipeline with the image in variables, and links to it', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(gitlab(GITLAB))
  const input = { url: receiver.url, project: 'team/sub/app', token: GITLAB.token }
  const { answer, request } = await attempts.run({ kind: 'GITLAB_PIPELINE', input })
  expect(answer).toMatchObject({
    ...{ status: 201, failure: null },
    link: 'https://gitlab.example.org/team/app/-/pipelines/9',
  })
  expect(receiver.request.path).toBe('/api/v4/projects/team%2Fsub%2Fapp/trigger/pipeline')
  expect(Object.fromEntries(new URLSearchParams(receiver.request.body))).toEqual({
    ...{ token: GITLAB.token, ref: 'main', 'variables[IMAGE]': MOVE.dockerImageReference },
    ...{ 'variables[IMAGE_STREAM]': 'team/app', 'variables[IMAGE_TAG]': 'v1' },
    'variables[IMAGE_DIGEST]': MOVE.digest,
  })
  expect(request).toContain('token=•••&ref=main')
})

it.each([
  ['a project that the token is not of', { project: 'team/other' }, {}, 'the token is of another one'],
  ['a ref that is not there', { ref: 'none' }, {}, '{"base":["Reference not found"]}": the ref must exist'],
  ['variables that are forbidden', {}, { mayHaveVariables: false }, 'must be allowed to set variables'],
])('GitLab: %s is refused with a remedy', async (_, change, known, message) => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(gitlab({ ...GITLAB, ...known }))
  const input = { url: receiver.url, project: 'team/sub/app', token: GITLAB.token, ...change }
  const { answer } = await attempts.run({ kind: 'GITLAB_PIPELINE', input })
  expect(answer.failure?.message).toContain(message)
})

it('GitLab: without variables none are set', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(gitlab({ ...GITLAB, mayHaveVariables: false }))
  const input = { url: receiver.url, project: 'team/sub/app', token: GITLAB.token, variables: [] }
  expect((await attempts.run({ kind: 'GITLAB_PIPELINE', input })).answer.failure).toBeNull()
})

it('Jenkins: the simplest definition starts a job in a folder, and finds the build when it has left the queue', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(jenkins({ ...JENKINS, queue: 'BEGUN' }))
  const input = { url: `${receiver.url}/`, job: 'team/app', user: 'ci', token: JENKINS.token }
  const action = { kind: 'JENKINS', input } as const
  const { answer } = await attempts.run(action)
  expect(answer).toMatchObject({ status: 201, failure: null, link: null })
  expect(receiver.request.path).toBe('/job/team/job/app/build')
  // never at the host of the response: the request has credentials
  expect(answer.follow).toBe(`${receiver.url}/queue/item/12/api/json`)
  expect(await attempts.follow(action, answer.follow ?? '')).toMatchObject({
    ...{ isFinal: true, link: 'https://jenkins.example.org/job/team/job/app/5/' },
  })
})

it.each([
  ['WAITING', false],
  ['CANCELLED', true],
] as const)('Jenkins: an item of the queue that is %s has no link', async (queue, isFinal) => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(jenkins({ ...JENKINS, queue }))
  const input = { url: receiver.url, job: 'team/app', user: 'ci', token: JENKINS.token }
  const link = `${receiver.url}/queue/item/12/api/json`
  expect(await attempts.follow({ kind: 'JENKINS', input }, link)).toMatchObject({
    ...{ isFinal, link: null, status: 200 },
  })
})

it('Jenkins: the queue is not asked with the credentials of a trigger that was changed to another host', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(jenkins(JENKINS))
  const input = { url: 'https://other.example.org', job: 'team/app', user: 'ci', token: JENKINS.token }
  const link = `${receiver.url}/queue/item/12/api/json`
  expect(await attempts.follow({ kind: 'JENKINS', input }, link)).toMatchObject({ isFinal: true, link: null })
  expect(receiver.requests).toEqual([])
})

it('Jenkins: an equal build that waits already is an acceptance', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(jenkins({ ...JENKINS, parameters: ['IMAGE'], queue: 'SAME' }))
  const parameters = [{ name: 'IMAGE', value: '{{ dockerImageReference }}' }]
  const input = { url: receiver.url, job: 'team/app', user: 'ci', token: JENKINS.token, parameters }
  const { answer } = await attempts.run({ kind: 'JENKINS', input })
  expect(answer).toMatchObject({ status: 303, failure: null })
  expect(receiver.request.path).toBe('/job/team/job/app/buildWithParameters')
  expect(receiver.request.body).toBe(`IMAGE=${encodeURIComponent(MOVE.dockerImageReference)}`)
})

it('Jenkins: the name of a branch keeps its slash', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => 201)
  const input = { url: receiver.url, job: 'team/app/feature%2Fx', user: 'ci', token: JENKINS.token }
  await attempts.run({ kind: 'JENKINS', input })
  expect(receiver.request.path).toBe('/job/team/job/app/job/feature%252Fx/build')
})

it.each([
  ['a wrong token', { token: 'other' }, {}, 'create an API token'],
  ['a job that is not there', { job: 'app' }, {}, 'a job in folders is written as folder/job'],
  ['a disabled job', {}, { isDisabled: true }, 'the job is disabled'],
  ['a job with parameters', {}, { parameters: ['IMAGE'] }, 'give parameters'],
  ['a job without parameters', { parameters: [{ name: 'A', value: '1' }] }, {}, 'leave parameters out'],
])('Jenkins: %s is refused with a remedy', async (_, change, known, message) => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(jenkins({ ...JENKINS, ...known }))
  const input = { url: receiver.url, job: 'team/app', user: 'ci', token: JENKINS.token, ...change }
  const { answer } = await attempts.run({ kind: 'JENKINS', input })
  expect(answer.failure?.message).toContain(message)
})

it('Tekton: an EventListener gets the event as body, so that bindings find $(body.tag), and its id is kept', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(tekton)
  const { answer } = await attempts.run({ kind: 'TEKTON', input: { url: receiver.url } })
  expect(JSON.parse(receiver.request.body)).toMatchObject({ tag: 'v1', digest: MOVE.digest })
  expect(receiver.request.headers).toMatchObject({ 'ce-id': WEBHOOK_ID, 'ce-subject': 'v1' })
  expect(receiver.request.headers['x-hub-signature-256']).toBeUndefined()
  expect(answer).toMatchObject({ status: 202, failure: null })
  expect(JSON.parse(answer.text)).toMatchObject({ eventID: 'e-1' })
})

it('Tekton: a secret signs for the GitHub interceptor', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(tekton)
  const { request } = await attempts.run({
    kind: 'TEKTON',
    input: { url: receiver.url, secret: 'tekton-secret' },
  })
  expect(receiver.request.headers['x-hub-signature-256']).toMatch(/^sha256=[0-9a-f]{64}$/)
  expect(JSON.parse(request ?? '').headers['x-hub-signature-256']).toBe('•••')
})

it('Argo Workflows: an event without discriminator ends with a slash, and is selected by its payload', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(argoWorkflows({ token: 'argo-token' }))
  const input = { url: receiver.url, namespace: 'ci', token: 'argo-token' }
  const { answer } = await attempts.run({ kind: 'ARGO_WORKFLOWS', input })
  expect(answer).toMatchObject({ status: 200, failure: null })
  expect(receiver.request.path).toBe('/api/v1/events/ci/')
  expect(JSON.parse(receiver.request.body)).toMatchObject({ tag: 'v1' })
})

it.each([
  ['a wrong token', 'other', {}, 'LATER', 'give one of a service account'],
  ['a full queue', 'argo-token', { isFull: true }, 'LATER', '"operation queue full"'],
] as const)('Argo Workflows: %s is tried again', async (_, token, known, kind, message) => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(argoWorkflows({ token: 'argo-token', ...known }))
  const input = { url: receiver.url, namespace: 'ci', discriminator: 'images', token }
  const { answer } = await attempts.run({ kind: 'ARGO_WORKFLOWS', input })
  expect(answer.failure?.kind).toBe(kind)
  expect(answer.failure?.message).toContain(message)
})
