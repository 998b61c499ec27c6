import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'

let app: SignedInApp
beforeAll(async () => {
  app = await startSignedInApp()
})
afterAll(() => app[Symbol.asyncDispose]())

test.each([
  ['untagImage(input: { imageStream: "app", tag: "v1" }) { deletedId }', 'default', 'default/app:v1'],
  ['untagImage(input: { imageStream: "other/app:v1" }) { deletedId }', 'other', 'other/app:v1'],
  [
    'untagImage(input: { namespace: "other", imageStream: "sub/app", tag: "v1" }) { deletedId }',
    'other',
    'other/sub/app:v1',
  ],
  ['createImageStream(input: { name: "app" }) { imageStream { id } }', 'default', 'default/app'],
  [
    'deleteImageStream(input: { namespace: "other", imageStream: "app" }) { deletedId }',
    'other',
    'other/app',
  ],
  ['protectTags(input: { tags: "v*" }) { tagProtection { id } }', 'default', null],
  ['setQuota(input: { namespace: "other" }) { quota { id } }', 'other', null],
  [
    'grantRole(input: { subjectKind: EVERYONE, role: VIEWER, place: "other/*" }) { grant { id } }',
    'other',
    'other/*',
  ],
  ['grantRole(input: { subjectKind: EVERYONE, role: VIEWER, place: "*/*" }) { grant { id } }', null, '*/*'],
  ['createAccessToken(input: { name: "ci", grants: [] }) { secret }', null, 'ci'],
])('the audit log names what a refused %s concerns', async (mutation, namespace, target) => {
  await expect(app.as('token').request(`mutation { ${mutation} }`)).rejects.toThrow()
  const { auditEntries } = await app
    .as('admin')
    .request<{ auditEntries: { nodes: object[] } }>(
      '{ auditEntries(first: 1) { nodes { namespace target outcome } } }',
    )
  expect(auditEntries.nodes).toEqual([{ namespace, target, outcome: 'REFUSED' }])
})
