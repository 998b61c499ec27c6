import { expect, it } from 'vitest'
import { argoCd, flux, kargo } from '../../fixtures/receivers-of-triggers/deployments.ts'
import { startReceiver } from '../../fixtures/receivers-of-triggers/receiver.ts'
import { MOVE, startAttempts } from './attempts.ts'

const ARGO = { token: 'argocd-token', application: 'shop' }
const KARGO_PATH = '/webhooks/generic/0123456789abcdef'
const FLUX = { path: '/hook/0123456789abcdef', token: 'flux-token' }

it('Argo CD: the simplest definition refreshes the application, which needs only the right to read it', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(argoCd(ARGO))
  const input = { url: receiver.url, application: 'shop', token: ARGO.token }
  const { answer } = await attempts.run({ kind: 'ARGO_CD', input })
  expect(answer).toMatchObject({ status: 200, failure: null, link: `${receiver.url}/applications/shop` })
  expect(receiver.request).toMatchObject({ method: 'GET', path: '/api/v1/applications/shop?refresh=normal' })
})

it('Argo CD: images of Kustomize and parameters of Helm are set by a merge patch', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(argoCd({ ...ARGO, namespace: 'apps' }))
  const input = {
    ...{ url: receiver.url, application: 'shop', applicationNamespace: 'apps', token: ARGO.token },
    kustomizeImages: ['ghcr.io/acme/app={{ dockerImageReference }}'],
    helmParameters: [{ name: 'image.digest', value: '{{ digest }}' }],
  }
  const { answer } = await attempts.run({ kind: 'ARGO_CD', input })
  expect(answer.failure).toBeNull()
  const { patch, ...body } = JSON.parse(receiver.request.body)
  expect(body).toEqual({ name: 'shop', appNamespace: 'apps', patchType: 'merge' })
  expect(JSON.parse(patch)).toEqual({
    spec: {
      source: {
        kustomize: { images: [`ghcr.io/acme/app=${MOVE.dockerImageReference}`] },
        helm: { parameters: [{ name: 'image.digest', value: MOVE.digest }] },
      },
    },
  })
})

it('Argo CD: an application with a large status is accepted, and little of it is kept', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(argoCd({ ...ARGO, statusBytes: 1_500_000 }))
  const input = { url: receiver.url, application: 'shop', token: ARGO.token }
  const { answer } = await attempts.run({ kind: 'ARGO_CD', input })
  expect(answer.failure).toBeNull()
  expect(answer.text.length).toBeLessThanOrEqual(4_000)
})

it('Argo CD: an application with several sources, which a patch does not change, is a failure', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(argoCd({ ...ARGO, hasSeveralSources: true }))
  const input = {
    url: receiver.url,
    application: 'shop',
    token: ARGO.token,
    kustomizeImages: ['a={{ tag }}'],
  }
  const { answer } = await attempts.run({ kind: 'ARGO_CD', input })
  expect(answer.failure).toMatchObject({ kind: 'NEVER' })
  expect(answer.failure?.message).toContain('set the image in Git')
})

it.each([
  ['a wrong token', { token: 'other' }, '"invalid session": the token is not valid'],
  ['an application that the token may not see', { application: 'none' }, 'the rights get and update'],
  ['an image that Kustomize cannot read', { kustomizeImages: ['a=b=c'] }, 'see its conditions in Argo CD'],
])('Argo CD: %s is refused with a remedy', async (_, change, message) => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(argoCd(ARGO))
  const input = { url: receiver.url, application: 'shop', token: ARGO.token, ...change }
  const { answer } = await attempts.run({ kind: 'ARGO_CD', input })
  expect(answer.failure?.message).toContain(message)
})

it('Kargo: a generic receiver gets the repository of the image, by which warehouses are found', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(kargo({ path: KARGO_PATH }))
  const { answer, settings } = await attempts.run({
    kind: 'KARGO',
    input: { url: receiver.url + KARGO_PATH },
  })
  expect(answer).toMatchObject({ status: 200, failure: null })
  expect(JSON.parse(receiver.request.body)).toMatchObject({ repository: 'registry.example.org/team/app' })
  expect(settings).toEqual({ origin: receiver.url })
})

it.each([
  ['that selects nothing', KARGO_PATH, { outcome: 'NO_MATCH' }, 'NEVER', 'targetSelectionCriteria'],
  ['whose action fails', KARGO_PATH, { outcome: 'FAILURE' }, 'LATER', 'an action of the receiver failed'],
  ['that is not there', '/webhooks/generic/other-path', {}, 'LATER', 'copy its URL'],
] as const)('Kargo: a receiver %s is a failure with a remedy', async (_, path, known, kind, message) => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(kargo({ path: KARGO_PATH, ...known }))
  const { answer } = await attempts.run({ kind: 'KARGO', input: { url: receiver.url + path } })
  expect(answer.failure?.kind).toBe(kind)
  expect(answer.failure?.message).toContain(message)
})

it('Flux: a Receiver of type generic-hmac verifies the signature', async () => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(flux(FLUX))
  const input = { url: receiver.url + FLUX.path, token: FLUX.token }
  const { answer, request } = await attempts.run({ kind: 'FLUX', input })
  expect(answer).toMatchObject({ status: 200, failure: null })
  expect(JSON.parse(receiver.request.body)).toMatchObject({ tag: 'v1' })
  expect(JSON.parse(request ?? '')).toMatchObject({
    url: `${receiver.url}•••`,
    headers: { 'x-signature': '•••' },
  })
})

it.each([
  ['a token that is not the Receiver’s', { token: 'other' }, {}, 'NEVER', 'its type generic-hmac'],
  ['a path that is not there', { path: '/hook/other' }, {}, 'LATER', 'the path is in its status'],
  ['a suspended Receiver', {}, { isSuspended: true }, 'LATER', 'suspended or not ready'],
] as const)('Flux: %s is a failure with a remedy', async (_, change, known, kind, message) => {
  await using attempts = startAttempts()
  await using receiver = await startReceiver(flux({ ...FLUX, ...known }))
  const { path, token } = { ...FLUX, ...change }
  const { answer } = await attempts.run({ kind: 'FLUX', input: { url: receiver.url + path, token } })
  expect(answer.failure?.kind).toBe(kind)
  expect(answer.failure?.message).toContain(message)
})
