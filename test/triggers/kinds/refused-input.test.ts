import { expect, it } from 'vitest'
import { InvalidInputError } from '../../../src/input/errors.ts'
import {
  type ActionInput,
  checkAction,
  fieldOf,
  KIND_NAMES,
  kindOf,
} from '../../../src/triggers/content/actions.ts'
import { startReceiver } from '../../fixtures/receivers-of-triggers/receiver.ts'
import { startAttempts } from './attempts.ts'

const SECRET = 'canary-0123456789'

/** The simplest definition of each kind, with a secret wherever it takes one. */
const simplest = (url: string): ActionInput[] => {
  const repository = { url, owner: 'acme', repository: 'app', token: SECRET }
  const hidden = `${url}/hooks/${SECRET}?sig=${SECRET}`
  return [
    {
      kind: 'HTTP',
      input: { url, format: 'CLOUD_EVENT', signature: 'NONE', headers: [{ name: 'x-key', value: SECRET }] },
    },
    { kind: 'GITHUB_REPOSITORY_DISPATCH', input: repository },
    { kind: 'GITHUB_WORKFLOW_DISPATCH', input: { ...repository, workflow: 'build.yml' } },
    { kind: 'GITLAB_PIPELINE', input: { url, project: 'acme/app', token: SECRET } },
    { kind: 'JENKINS', input: { url, job: 'app', user: 'ci', token: SECRET } },
    { kind: 'TEKTON', input: { url, secret: SECRET } },
    { kind: 'ARGO_WORKFLOWS', input: { url, namespace: 'ci', token: SECRET } },
    { kind: 'ARGO_CD', input: { url, application: 'shop', token: SECRET } },
    { kind: 'KARGO', input: { url: hidden } },
    { kind: 'FLUX', input: { url: hidden, token: SECRET } },
    { kind: 'SLACK', input: { url: hidden } },
    { kind: 'TEAMS', input: { url: hidden } },
  ]
}
const SIMPLEST = simplest('https://receiver.test')

/** The kinds that send requests themselves. */
const SENDERS = KIND_NAMES.filter((kind) => kindOf({ kind }).request !== undefined)

it('each kind has a simplest definition', () => {
  expect(SIMPLEST.map(({ kind }) => kind)).toEqual(SENDERS)
  for (const action of SIMPLEST) {
    const { host, settings, secrets, neededSecrets } = checkAction(action, 'action')
    expect(host).toBe('receiver.test')
    expect(Object.keys(secrets).sort()).toEqual([...neededSecrets].sort())
    expect(JSON.stringify(settings)).not.toContain(SECRET)
  }
})

it.each(SENDERS)('%s: no secret is in the request or the response that are kept', async (kind) => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(({ path, headers, body }) => ({
    status: 400,
    headers: { 'content-type': 'application/json' },
    body: { message: `you sent ${path} ${JSON.stringify(headers)} ${body}` },
  }))
  const action = simplest(receiver.url).find((one) => one.kind === kind)
  if (!action) throw new Error('there is no simplest definition')
  const { answer, request, settings } = await attempts.run(action)
  expect(receiver.requests).toHaveLength(1)
  expect(answer.status).toBe(400)
  const kept = JSON.stringify({ answer, request, settings })
  expect(kept).not.toContain(SECRET)
  expect(kept).not.toContain(Buffer.from(`ci:${SECRET}`).toString('base64'))
})

it('a secret that the receiver repeats is masked also where the text is cut', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(() => ({
    status: 422,
    body: { message: `${'x'.repeat(290)}${SECRET}`, more: `${'y'.repeat(3_600)}${SECRET}` },
  }))
  const [, action] = simplest(receiver.url)
  if (!action) throw new Error('there is no simplest definition')
  const { answer } = await attempts.run(action)
  expect(JSON.stringify(answer)).not.toContain(SECRET.slice(0, 6))
})

const change = (kind: ActionInput['kind'], input: object): ActionInput => {
  const action = SIMPLEST.find((one) => one.kind === kind)
  return { kind, input: { ...action?.input, ...input } } as ActionInput
}

const LONG = 'x'.repeat(5_000)

it.each([
  ['GITHUB_REPOSITORY_DISPATCH', { owner: '../../x' }, 'owner', 'letters, digits'],
  ['GITHUB_REPOSITORY_DISPATCH', { owner: '%2e%2e' }, 'owner', 'letters, digits'],
  ['GITHUB_REPOSITORY_DISPATCH', { repository: '..' }, 'repository', 'letters, digits'],
  ['GITHUB_REPOSITORY_DISPATCH', { repository: 'a/b' }, 'repository', 'without its owner'],
  ['GITHUB_REPOSITORY_DISPATCH', { token: `a\r\nx-evil: 1` }, 'token', 'printable ASCII'],
  ['GITHUB_REPOSITORY_DISPATCH', { token: '' }, 'token', 'printable ASCII'],
  ['GITHUB_REPOSITORY_DISPATCH', { url: 'https://api.github.com/?x=1' }, 'url', 'no "?"'],
  ['GITHUB_REPOSITORY_DISPATCH', { url: 'file:///etc/passwd' }, 'url', 'an http: or https: URL'],
  ['GITHUB_REPOSITORY_DISPATCH', { url: 'https://u:p@h/' }, 'url', 'no user name or password'],
  ['GITHUB_REPOSITORY_DISPATCH', { eventType: 'x'.repeat(101) }, 'eventType', 'at most 100'],
  ['GITHUB_REPOSITORY_DISPATCH', { clientPayload: '[]' }, 'clientPayload', 'a JSON object'],
  [
    'GITHUB_REPOSITORY_DISPATCH',
    { clientPayload: JSON.stringify(Object.fromEntries(Array.from('abcdefghijk', (key) => [key, 1]))) },
    'clientPayload',
    'at most 10 keys',
  ],
  [
    'GITHUB_REPOSITORY_DISPATCH',
    { clientPayload: '{"a":"{{ secret }}"}' },
    'clientPayload',
    'which is unknown',
  ],
  ['GITHUB_WORKFLOW_DISPATCH', { workflow: '../build.yml' }, 'workflow', 'as build.yml'],
  ['GITHUB_WORKFLOW_DISPATCH', { workflow: '.github/workflows/build.yml' }, 'workflow', 'as build.yml'],
  ['GITHUB_WORKFLOW_DISPATCH', { ref: 'a..b' }, 'ref', 'a branch or a tag'],
  ['GITHUB_WORKFLOW_DISPATCH', { ref: 'a b' }, 'ref', 'a branch or a tag'],
  ['GITHUB_WORKFLOW_DISPATCH', { inputs: [{ name: 'a b', value: '' }] }, 'inputs.0.name', 'letters, digits'],
  [
    'GITHUB_WORKFLOW_DISPATCH',
    {
      inputs: [
        { name: 'a', value: '' },
        { name: 'a', value: '' },
      ],
    },
    'inputs.1.name',
    'occurs twice',
  ],
  [
    'GITHUB_WORKFLOW_DISPATCH',
    { inputs: [{ name: 'a', value: '{{ tga }}' }] },
    'inputs.0.value',
    '{{ tag }}',
  ],
  [
    'GITHUB_WORKFLOW_DISPATCH',
    { inputs: [{ name: 'a', value: 'a\0b' }] },
    'inputs.0.value',
    'control characters',
  ],
  ['GITHUB_WORKFLOW_DISPATCH', { inputs: Array(26).fill({ name: 'a', value: '' }) }, 'inputs', 'at most 25'],
  ['GITLAB_PIPELINE', { project: '../admin' }, 'project', 'as group/project'],
  ['GITLAB_PIPELINE', { project: 'app' }, 'project', 'as group/project'],
  ['GITLAB_PIPELINE', { project: 'a/%2e%2e/b' }, 'project', 'as group/project'],
  [
    'GITLAB_PIPELINE',
    { variables: [{ name: 'A-B', value: '' }] },
    'variables.0.name',
    'letters, digits and "_"',
  ],
  ['JENKINS', { job: 'a/../b' }, 'job', 'as folder/job'],
  ['JENKINS', { job: 'a/%2e%2e/b' }, 'job', 'as folder/job'],
  ['JENKINS', { job: '/a' }, 'job', 'as folder/job'],
  ['JENKINS', { user: 'a:b' }, 'user', 'without ":"'],
  ['JENKINS', { user: 'a\nb' }, 'user', 'without ":"'],
  ['JENKINS', { parameters: [{ name: 'a', value: LONG }] }, 'parameters.0.value', '1 to 4000 characters'],
  ['TEKTON', { secret: 'a b' }, 'secret', 'printable ASCII'],
  ['ARGO_WORKFLOWS', { namespace: '../x' }, 'namespace', 'a name of Kubernetes'],
  ['ARGO_WORKFLOWS', { discriminator: '..' }, 'discriminator', 'letters, digits'],
  ['ARGO_WORKFLOWS', { discriminator: 'a/b' }, 'discriminator', 'letters, digits'],
  ['ARGO_CD', { application: 'Shop' }, 'application', 'lower-case letters'],
  ['ARGO_CD', { applicationNamespace: 'a&b' }, 'applicationNamespace', 'lower-case letters'],
  ['ARGO_CD', { kustomizeImages: ['{{ tga }}'] }, 'kustomizeImages.0', '{{ tag }}'],
  ['ARGO_CD', { kustomizeImages: Array(51).fill('a') }, 'kustomizeImages', 'at most 50'],
  ['ARGO_CD', { helmParameters: [{ name: 'a b', value: '' }] }, 'helmParameters.0.name', 'as image.tag'],
  ['KARGO', { url: 'https://kargo.test' }, 'url', 'the whole URL'],
  ['FLUX', { url: 'https://flux.test/' }, 'url', 'the whole URL'],
  ['SLACK', { text: ' ' }, 'text', '1 to 4000 characters'],
  ['SLACK', { text: LONG }, 'text', '1 to 4000 characters'],
  ['TEAMS', { text: '{{ tag' }, 'text', 'braces'],
] as const)('%s refuses %j', (kind, input, field, allowed) => {
  const check = () => checkAction(change(kind, input), 'action')
  expect(check).toThrow(InvalidInputError)
  expect(check).toThrow(allowed)
  expect(check).toThrow(expect.objectContaining({ field: `action.${fieldOf(kind)}.${field}` }))
})

it('a secret that is refused is not repeated', () => {
  const url = `https://u:${SECRET}@hooks.test/${SECRET}`
  for (const [kind, input] of [
    ['SLACK', { url }],
    ['SLACK', { url: `ftp://${SECRET}` }],
    ['GITLAB_PIPELINE', { token: `${SECRET} ` }],
  ] as const) {
    expect(() => checkAction(change(kind, input), 'action')).not.toThrow(SECRET)
    expect(() => checkAction(change(kind, input), 'action')).toThrow(InvalidInputError)
  }
})
