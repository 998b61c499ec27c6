import { type GraphQLField, type GraphQLInputObjectType, isInputObjectType } from 'graphql'
import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSchema } from '../../../src/graphql/schema.ts'
import { startApp, type TestApp } from '../../fixtures/app.ts'
import { image } from '../../fixtures/random-image.ts'
import { errorsOf } from '../../flows/operations.ts'
import { clientOf } from '../../registry/client.ts'

// Every argument and input field that names a stream, a tag or an image takes `[namespace/]name[:tag|@digest]`.

const schema = createSchema()
let server: TestApp
const [old, now] = [image({ seed: 1 }), image({ seed: 2 })]

beforeAll(async () => {
  server = await startApp()
  const pool = new Pool(server.app.url)
  const registry = clientOf(pool)
  for (const pushed of [old, now]) await registry.push('team/sub/app', pushed, 'v1')
  await pool.close()
})
afterAll(() => server[Symbol.asyncDispose]())

/** Whole names in place of the parts, for each place that names a stream, a tag or an image; equal data for both. */
const PLACES: Record<string, { readonly whole: string; readonly parts: string }> = {
  'Query.imageStream(name)': {
    whole: '{ it: imageStream(name: "team/sub/app") { id } }',
    parts: '{ it: imageStream(namespace: "team", name: "sub/app") { id } }',
  },
  'Query.imageStreamTag(name)': {
    whole: '{ it: imageStreamTag(name: "team/sub/app:v1") { id } }',
    parts: '{ it: imageStreamTag(namespace: "team", name: "sub/app:v1") { id } }',
  },
  'Query.imageStreamImage(name)': {
    whole: `{ it: imageStreamImage(name: "team/sub/app@${old.digest}") { image { digest } } }`,
    parts: `{ it: imageStreamImage(namespace: "team", name: "sub/app@${old.digest}") { image { digest } } }`,
  },
  'Query.imageStreams(matching)': {
    whole: '{ it: imageStreams(matching: "team/sub/*") { nodes { id } } }',
    parts: '{ it: imageStreams(namespace: "team", matching: "sub/*") { nodes { id } } }',
  },
  'Query.imagePushes(imageStream)': {
    whole: '{ it: imagePushes(imageStream: "team/sub/*:v*") { nodes { id } } }',
    parts: '{ it: imagePushes(namespace: "team", imageStream: "sub/*", tag: "v*") { nodes { id } } }',
  },
  'Query.imageStreamChanges(imageStream)': {
    whole: '{ it: imageStreamChanges(imageStream: "*/sub/app:v1") { nodes { cursor } } }',
    parts:
      '{ it: imageStreamChanges(namespace: "team", imageStream: "sub/app", tag: "v1") { nodes { cursor } } }',
  },
  'Query.imageDifference(from)': {
    whole: `{ it: imageDifference(from: "team/sub/app@${old.digest.slice(0, 20)}", to: "${now.digest}") { from { digest } to { digest } } }`,
    parts: `{ it: imageDifference(from: "${old.digest}", to: "${now.digest}") { from { digest } to { digest } } }`,
  },
  'Query.imageDifference(to)': {
    whole: `{ it: imageDifference(from: "${old.digest}", to: "team/sub/app:v1") { from { digest } to { digest } } }`,
    parts: `{ it: imageDifference(from: "${old.digest}", to: "${now.digest}") { from { digest } to { digest } } }`,
  },
  'Query.repository(name)': {
    whole: '{ it: repository(name: "team/sub/app") { namespace name } }',
    parts: '{ it: repository(namespace: "team", name: "sub/app") { namespace name } }',
  },
  'Query.repositories(matching)': {
    whole: '{ it: repositories(matching: "team/sub/*") { nodes { namespace name } } }',
    parts: '{ it: repositories(namespace: "team", matching: "sub/*") { nodes { namespace name } } }',
  },
  'UpdateImageStreamInput.imageStream': {
    whole:
      'mutation { it: updateImageStream(input: { imageStream: "team/sub/app" }) { imageStream { id } } }',
    parts:
      'mutation { it: updateImageStream(input: { namespace: "team", imageStream: "sub/app" }) { imageStream { id } } }',
  },
  'DeleteImageStreamInput.imageStream': {
    whole:
      'mutation { it: deleteImageStream(input: { imageStream: "team/sub/app", dryRun: true }) { deletedId } }',
    parts:
      'mutation { it: deleteImageStream(input: { namespace: "team", imageStream: "sub/app", dryRun: true }) { deletedId } }',
  },
  'ImportImageInput.imageStream': {
    whole:
      'mutation { it: importImage(input: { imageStream: "team/sub/app:new", from: "registry.invalid/a:1", dryRun: true, waitSeconds: 0 }) { imageStream { id } } }',
    parts:
      'mutation { it: importImage(input: { namespace: "team", imageStream: "sub/app", tag: "new", from: "registry.invalid/a:1", dryRun: true, waitSeconds: 0 }) { imageStream { id } } }',
  },
  'Query.workloads(imageStream)': {
    whole: '{ it: workloads(imageStream: "team/sub/app:v1") { totalCount } }',
    parts: '{ it: workloads(namespace: "team", imageStream: "sub/app", tag: "v1") { totalCount } }',
  },
  'Query.imageMirrorings(imageStream)': {
    whole: '{ it: imageMirrorings(imageStream: "team/sub/app*") { totalCount } }',
    parts: '{ it: imageMirrorings(namespace: "team", imageStream: "sub/app*") { totalCount } }',
  },
  'Query.images(imageStream)': {
    whole: '{ it: images(imageStream: "team/sub/app") { nodes { digest } } }',
    parts: '{ it: images(namespace: "team", imageStream: "sub/app") { nodes { digest } } }',
  },
  'Query.imageStreamTags(imageStream)': {
    whole: '{ it: imageStreamTags(imageStream: "team/sub/app:v1") { nodes { id } } }',
    parts:
      '{ it: imageStreamTags(namespace: "team", imageStream: "sub/app", matching: "v1") { nodes { id } } }',
  },
  'MirrorImageInput.imageStream': {
    whole:
      'mutation { it: mirrorImage(input: { imageStream: "team/sub/app:copy", from: { kind: IMAGE_STREAM_TAG, name: "v1" }, dryRun: true }) { plan { digest } imageStream { id } } }',
    parts:
      'mutation { it: mirrorImage(input: { namespace: "team", imageStream: "sub/app", tag: "copy", from: { kind: IMAGE_STREAM_TAG, name: "v1" }, dryRun: true }) { plan { digest } imageStream { id } } }',
  },
  'TagImageInput.imageStream': {
    whole:
      'mutation { it: tagImage(input: { imageStream: "team/sub/app:copy", from: { kind: IMAGE_STREAM_TAG, name: "v1" } }) { imageStreamTag { id } } }',
    parts:
      'mutation { it: tagImage(input: { namespace: "team", imageStream: "sub/app", tag: "copy", from: { kind: IMAGE_STREAM_TAG, name: "v1" } }) { imageStreamTag { id } } }',
  },
  'UntagImageInput.imageStream': {
    whole:
      'mutation { it: untagImage(input: { imageStream: "team/sub/app:v1", dryRun: true }) { imageStream { id } } }',
    parts:
      'mutation { it: untagImage(input: { namespace: "team", imageStream: "sub/app", tag: "v1", dryRun: true }) { imageStream { id } } }',
  },
  'RollbackTagInput.imageStream': {
    whole: `mutation { it: rollbackTag(input: { imageStream: "team/sub/app:v1", digest: "${now.digest}" }) { imageStreamTag { id } } }`,
    parts: `mutation { it: rollbackTag(input: { namespace: "team", imageStream: "sub/app", tag: "v1", digest: "${now.digest}" }) { imageStreamTag { id } } }`,
  },
  'SetTagPolicyInput.imageStream': {
    whole:
      'mutation { it: setTagPolicy(input: { imageStream: "team/sub/app:best", policy: { order: ALPHABETICAL }, dryRun: true }) { decision { chosen } } }',
    parts:
      'mutation { it: setTagPolicy(input: { namespace: "team", imageStream: "sub/app", tag: "best", policy: { order: ALPHABETICAL }, dryRun: true }) { decision { chosen } } }',
  },
  'SetImageStreamTrustInput.imageStream': {
    whole:
      'mutation { it: setImageStreamTrust(input: { imageStream: "team/sub/app", requirements: [] }) { imageStream { id } } }',
    parts:
      'mutation { it: setImageStreamTrust(input: { namespace: "team", imageStream: "sub/app", requirements: [] }) { imageStream { id } } }',
  },
  'ObjectReferenceInput.name': {
    whole:
      'mutation { it: tagImage(input: { imageStream: "copies:v1", from: { kind: IMAGE_STREAM_TAG, name: "team/sub/app:v1" } }) { imageStreamTag { image { digest } spec { from { namespace name } } } } }',
    parts:
      'mutation { it: tagImage(input: { imageStream: "copies:v1", from: { kind: IMAGE_STREAM_TAG, namespace: "team", name: "sub/app:v1" } }) { imageStreamTag { image { digest } spec { from { namespace name } } } } }',
  },
}

/** Places whose effect only another test shows. */
const ELSEWHERE = {
  'Query.resolveImage(name)': 'as in a workload: a name with a slash is a reference to a registry',
  'Query.imageStreamTags(matching)': 'a pattern of tags alone, which `imageStream` may contain',
  'Subscription.imagePushed(imageStream)': 'has the filter of imagePushes',
  'Subscription.imageStreamChanged(imageStream)': 'has the filter of imageStreamChanges',
  'CreateImageStreamInput.name': 'the test below',
  'RestoreImageStreamInput.name': 'the test below',
  'RestoreTagInput.imageStream': 'the test below',
} as const

/** Places with these names that name something else. */
const OF_OTHER_THINGS = ['CreateTriggerInput.name', 'Query.trigger(name)']

/** Names of arguments and fields that can name a stream, a tag or an image. */
const NAMING = new Set(['name', 'imageStream', 'matching'])

const argumentsOf = (
  type: string,
  fields: Readonly<Record<string, GraphQLField<unknown, unknown>>>,
): string[] =>
  Object.values(fields).flatMap(({ name, args }) => {
    const hasNamespace = args.some((one) => one.name === 'namespace')
    return args
      .filter((one) => (hasNamespace && NAMING.has(one.name)) || name === 'imageDifference')
      .map((one) => `${type}.${name}(${one.name})`)
  })

const fieldsOf = ({ name: type, getFields }: GraphQLInputObjectType, fields: string[]): string[] =>
  fields.includes('namespace') && getFields !== undefined
    ? fields.filter((name) => NAMING.has(name)).map((name) => `${type}.${name}`)
    : []

test('the table has every place that names a stream, a tag or an image', () => {
  const inputs = Object.values(schema.getTypeMap()).filter(isInputObjectType)
  const places = [
    ...argumentsOf('Query', schema.getQueryType()?.getFields() ?? {}),
    ...argumentsOf('Subscription', schema.getSubscriptionType()?.getFields() ?? {}),
    ...inputs.flatMap((type) => fieldsOf(type, Object.keys(type.getFields()))),
  ].filter((place) => !OF_OTHER_THINGS.includes(place))
  expect(places.sort()).toEqual([...Object.keys(PLACES), ...Object.keys(ELSEWHERE)].sort())
})

describe('a whole name', () => {
  test.each(Object.entries(PLACES))('in %s stands for its parts', async (_place, { whole, parts }) => {
    const [one, other] = [await server.client.execute(whole), await server.client.execute(parts)]
    expect(other.errors).toBeUndefined()
    expect(one).toEqual(other)
    expect(JSON.stringify(one.data)).not.toMatch(/"it":null|\[\]/)
  })

  test('names a stream that is created, and one that is restored', async () => {
    const run = <Data>(text: string) => server.client.request<Data>(text)
    const { made } = await run<{ made: { imageStream: { uid: string } } }>(
      'mutation { made: createImageStream(input: { name: "crew/tool" }) { imageStream { uid namespace name } } }',
    )
    expect(made.imageStream).toMatchObject({ namespace: 'crew', name: 'tool' })
    await run('mutation { deleteImageStream(input: { imageStream: "crew/tool" }) { deletedId } }')
    expect(
      await run(
        `mutation { restoreImageStream(input: { uid: "${made.imageStream.uid}", name: "other/tool" }) { imageStream { namespace name } } }`,
      ),
    ).toEqual({ restoreImageStream: { imageStream: { namespace: 'other', name: 'tool' } } })
  })

  test('names a tag that is removed and restored', async () => {
    for (const mutation of ['untagImage', 'restoreTag']) {
      const operation = `mutation { ${mutation}(input: { imageStream: "team/sub/app:v1" }) { __typename } }`
      expect((await server.client.execute(operation)).errors).toBeUndefined()
    }
  })

  test.each([
    ['untagImage(input: { imageStream: "team/sub/app:v1", tag: "v2" }) { __typename }', 'imageStream'],
    ['untagImage(input: { imageStream: "team/sub/app" }) { __typename }', 'tag'],
    ['untagImage(input: { imageStream: "team/sub/app@sha256:ab", tag: "v1" }) { __typename }', 'imageStream'],
    ['deleteImageStream(input: { imageStream: "team/sub/app:v1" }) { __typename }', 'imageStream'],
    ['deleteImageStream(input: { imageStream: "Team/app" }) { __typename }', 'imageStream'],
    ['deleteImageStream(input: { imageStream: "/app" }) { __typename }', 'imageStream'],
    ['deleteImageStream(input: { imageStream: "team/" }) { __typename }', 'imageStream'],
    ['createImageStream(input: { name: "team/app:v1" }) { __typename }', 'name'],
    [
      'setTagPolicy(input: { imageStream: "app:-", policy: { order: SEMVER } }) { __typename }',
      'imageStream',
    ],
  ])('that contradicts itself, or says too much or too little, is INVALID: %s', async (mutation, field) => {
    const result = await server.client.execute(`mutation { ${mutation} }`)
    expect(errorsOf(result)).toEqual([{ code: 'INVALID', field }])
  })

  test('as a pattern needs a whole namespace, or * for all', async () => {
    const result = await server.client.execute('{ imagePushes(imageStream: "te*/app") { nodes { id } } }')
    expect(errorsOf(result)).toEqual([{ code: 'INVALID', field: 'imageStream' }])
    expect(result.errors?.[0]?.message).toContain('for all namespaces')
  })
})
