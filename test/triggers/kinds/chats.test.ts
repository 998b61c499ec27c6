import { expect, it } from 'vitest'
import { slack, teams } from '../../fixtures/receivers-of-triggers/chats.ts'
import { startReceiver } from '../../fixtures/receivers-of-triggers/receiver.ts'
import { MOVE, startAttempts } from './attempts.ts'

const SLACK_PATH = '/services/T000/B000/aSecretPartOfPath'
const TEAMS_PATH = '/workflows/0123456789/triggers/manual/paths/invoke?api-version=1&sig=secret-signature'

it('Slack: the simplest definition posts what moved, and only the origin of the URL is stored and shown', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(slack({ path: SLACK_PATH }))
  const { answer, settings, request } = await attempts.run({
    kind: 'SLACK',
    input: { url: receiver.url + SLACK_PATH },
  })
  expect(answer).toMatchObject({ status: 200, text: 'ok', failure: null })
  expect(JSON.parse(receiver.request.body).text).toBe(
    `*team/app:v1* points to another image: \`${MOVE.dockerImageReference}\``,
  )
  expect(settings).toMatchObject({ origin: receiver.url })
  expect(JSON.parse(request ?? '').url).toBe(`${receiver.url}•••`)
})

it('Slack: a text of the user’s may be longer than a section of Slack', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(slack({ path: SLACK_PATH }))
  const text = `{{ tag }} ${'x'.repeat(3_900)}`
  const { answer } = await attempts.run({ kind: 'SLACK', input: { url: receiver.url + SLACK_PATH, text } })
  expect(answer.failure).toBeNull()
  expect(JSON.parse(receiver.request.body).text).toHaveLength(3_903)
})

it.each([
  [404, 'no_service', 'GONE', 'create a new incoming webhook'],
  [403, 'invalid_token', 'GONE', 'not valid any more'],
  [404, 'channel_not_found', 'GONE', 'the channel was deleted'],
  [410, 'channel_is_archived', 'GONE', 'unarchive'],
  [403, 'action_prohibited', 'NEVER', 'an admin of the workspace'],
  [400, 'invalid_payload', 'NEVER', 'change text'],
  [500, 'rollup_error', 'LATER', 'status 500'],
  [404, 'toString', 'LATER', 'status 404'],
] as const)('Slack: %i %s is %s', async (status, word, kind, message) => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(slack({ path: SLACK_PATH, refusal: [status, word] }))
  const { answer } = await attempts.run({ kind: 'SLACK', input: { url: receiver.url + SLACK_PATH } })
  expect(answer.failure?.kind).toBe(kind)
  expect(answer.failure?.message).toContain(message)
})

it('Teams: the simplest definition posts an Adaptive Card to a workflow', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(teams({ path: TEAMS_PATH }))
  const { answer, settings, request } = await attempts.run({
    kind: 'TEAMS',
    input: { url: receiver.url + TEAMS_PATH },
  })
  expect(answer).toMatchObject({ status: 202, failure: null })
  const [attachment] = JSON.parse(receiver.request.body).attachments
  expect(attachment.content.body[0]).toMatchObject({
    text: '**team/app:v1** points to another image.',
    wrap: true,
  })
  expect(JSON.stringify({ settings, request })).not.toContain('secret-signature')
})

it.each([
  [{ status: 404, body: '{"error":{"code":"WorkflowNotFound"}}' }, 'LATER', 'create a new one'],
  [{ status: 401, body: '' }, 'LATER', 'copy the URL again'],
  [{ status: 400, body: '{"error":{"code":"WorkflowTriggerIsNotEnabled"}}' }, 'NEVER', 'switched off'],
  [
    {
      status: 200,
      body: 'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429',
    },
    'LATER',
    'replace it by a workflow',
  ],
  [
    { status: 200, body: 'System.Net.Http.HttpRequestException: Error while copying content to a stream.' },
    'LATER',
    'replace it by a workflow',
  ],
] as const)('Teams: %j is a failure with a remedy', async (refusal, kind, message) => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(teams({ path: TEAMS_PATH, refusal }))
  const { answer } = await attempts.run({ kind: 'TEAMS', input: { url: receiver.url + TEAMS_PATH } })
  expect(answer.failure?.kind).toBe(kind)
  expect(answer.failure?.message).toContain(message)
})
