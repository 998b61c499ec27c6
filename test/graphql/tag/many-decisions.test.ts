import { expect, test } from 'vitest'
import { startApp } from '../../fixtures/app.ts'
import { countingIterations } from '../../fixtures/event-loop.ts'

test('other work runs between the decisions of one operation', async () => {
  await using app = await startApp()
  const tags = Array.from({ length: 60 }, (_, at) => ({ name: `policy-${at}`, policy: { order: 'SEMVER' } }))
  await app.client.request(
    `mutation ($tags: [TagReferenceInput!]) {
      createImageStream(input: { name: "app", spec: { tags: $tags } }) { imageStream { id } }
    }`,
    { tags },
  )
  const { imageStream } = await app.client.request<{
    imageStream: { spec: { tags: { nodes: { name: string }[] } } }
  }>('{ imageStream(name: "app") { spec { tags(first: 60) { nodes { name } } } } }')
  const ids = imageStream.spec.tags.nodes.map(({ name }) =>
    Buffer.from(`TagPolicyDecision:1/${name}`).toString('base64url'),
  )

  const alone = await countingIterations(() => app.client.request('{ __typename }'))
  const { result, iterations } = await countingIterations(() =>
    app.client.request<{ nodes: (object | null)[] }>(
      'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename } }',
      { ids },
    ),
  )

  expect(result.nodes).toEqual(Array.from({ length: 60 }, () => ({ __typename: 'TagPolicyDecision' })))
  // an operation has the thread for turns of a few milliseconds
  expect(iterations).toBeGreaterThan(alone.iterations)
})
