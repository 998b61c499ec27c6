import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { createStream } from './operations.ts'

/** The token may import, without the right to choose who receives the credentials of the namespace; the member has it. */
let server: SignedInApp
beforeAll(async () => {
  server = await startSignedInApp({ tokenRole: 'IMPORTER', memberRole: 'EDITOR' })
  await createStream(server.as('member'), {
    namespace: 'team',
    name: 'insecure',
    spec: {
      dockerImageRepository: 'registry.test/team/app',
      importPolicy: { insecure: true },
      tags: [tag('v1', 'registry.test/team/app:v1', true)],
    },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const tag = (name: string, from: string, insecure: boolean) => ({
  name,
  from: { kind: 'DOCKER_IMAGE', name: from },
  importPolicy: { insecure },
})

const DOCUMENT = (from: string, annotation: boolean) =>
  JSON.stringify({
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStream',
    metadata: {
      name: 'applied',
      namespace: 'team',
      ...(annotation && { annotations: { 'openshift.io/image.insecureRepository': 'true' } }),
    },
    spec: annotation
      ? { dockerImageRepository: from }
      : { tags: [{ ...tag('v1', from, true), from: { kind: 'DockerImage', name: from } }] },
  })

const IMPORT_DOCUMENT = JSON.stringify({
  apiVersion: 'image.openshift.io/v1',
  kind: 'ImageStreamImport',
  metadata: { name: 'applied', namespace: 'team' },
  spec: {
    import: false,
    images: [
      {
        from: { kind: 'DockerImage', name: 'registry.test/team/app:v1' },
        to: { name: 'v1' },
        importPolicy: { insecure: true },
      },
    ],
  },
})

/** A mutation with its input. */
type Operation = readonly [field: string, input: object]

const REPOSITORY = 'registry.test/team/app'
const IMAGE = `${REPOSITORY}:v1`
const FROM = { kind: 'DOCKER_IMAGE', name: IMAGE }
const POLICY = { policy: { order: 'ALPHABETICAL' }, repository: REPOSITORY }

/** Each way to let a registry be read without verification of its server. */
const WAYS: readonly Operation[] = [
  [
    'createImageStream',
    {
      name: 'team/created',
      spec: { dockerImageRepository: REPOSITORY, importPolicy: { insecure: true } },
    },
  ],
  ['updateImageStream', { imageStream: 'team/app', setTags: [tag('v1', IMAGE, true)] }],
  ['updateImageStream', { imageStream: 'team/app', dryRun: true, setTags: [tag('v1', IMAGE, true)] }],
  ['tagImage', { imageStream: 'team/app', tag: 'v1', from: FROM, insecure: true }],
  ['importImage', { imageStream: 'team/app', from: IMAGE, insecure: true }],
  ['importImage', { imageStream: 'team/app', from: IMAGE, insecure: true, dryRun: true }],
  ['importImage', { imageStream: 'team/secure', insecure: true }],
  ['applyImageStream', { documents: DOCUMENT(IMAGE, false) }],
  ['applyImageStream', { documents: DOCUMENT(REPOSITORY, true) }],
  ['applyImageStream', { documents: IMPORT_DOCUMENT }],
  ['mirrorImage', { imageStream: 'team/app', tag: 'v1', from: FROM, insecure: true }],
  // the same source may stay; another registry is another recipient
  [
    'tagImage',
    { imageStream: 'team/insecure', tag: 'v1', from: { ...FROM, name: 'other.test/app:v1' }, insecure: true },
  ],
]

const REFUSAL = 'the right "credentials" is missing in namespace team'

const run = (principal: 'token' | 'member', [field, input]: Operation): Promise<unknown> => {
  const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input!`
  return server
    .as(principal)
    .request(`mutation ($input: ${type}) { ${field}(input: $input) { __typename } }`, {
      input,
    })
}

describe('a source whose server is not verified needs the right to use the credentials of the namespace', () => {
  beforeAll(async () => {
    await createStream(server.as('member'), { namespace: 'team', name: 'app', spec: {} })
    const secure = { namespace: 'team', name: 'secure', spec: { dockerImageRepository: REPOSITORY } }
    await createStream(server.as('member'), secure)
  })

  it.each(WAYS)('%s %o', async (...operation) => {
    await expect(run('token', operation)).rejects.toThrow(REFUSAL)
  })

  it('setTagPolicy, for whoever may configure', async () => {
    const input = { imageStream: 'team/app', tag: 'newest', ...POLICY, insecure: true }
    await expect(run('token', ['setTagPolicy', input])).rejects.toThrow('the right "configure" is missing')
  })

  it('which an editor has', async () => {
    const updated = run('member', [
      'updateImageStream',
      { imageStream: 'team/app', setTags: [tag('v2', IMAGE, true)] },
    ])
    await expect(updated).resolves.toBeDefined()
  })

  it('except that one which is insecure already may stay so, with another tag of its registry', async () => {
    const moved = tag('v1', 'registry.test/team/other:v2', true)
    const input = { imageStream: 'team/insecure', setTags: [moved, tag('v3', IMAGE, false)] }
    await expect(run('token', ['updateImageStream', input])).resolves.toBeDefined()
  })
})
