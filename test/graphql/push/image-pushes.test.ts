import { execute, parse } from 'graphql'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import { FairThread } from '../../../src/concurrency/fair-thread.ts'
import type { ChangeLog } from '../../../src/events/change-log.ts'
import type { GraphQLContext } from '../../../src/graphql/kit/context.ts'
import { createSchema } from '../../../src/graphql/schema.ts'
import { OperationWork } from '../../../src/graphql/work/operation-work.ts'
import { type LogFixture, openLog } from '../../events/fixture.ts'
import { startApp } from '../../fixtures/app.ts'
import { countingIterations } from '../../fixtures/event-loop.ts'
import { image } from '../../fixtures/random-image.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { follow } from '../../flows/operations.ts'

/** Returns the work of an operation that has the thread for itself. */
const begin = () => new OperationWork(new FairThread(), { party: 'one', connection: {} })

let fixture: LogFixture
beforeEach(() => {
  fixture = openLog()
})
afterEach(() => fixture[Symbol.dispose]())

interface Page {
  readonly nodes: readonly { readonly tag: string }[]
  readonly pageInfo: { readonly endCursor: string }
}

/** Executes `imagePushes` with these arguments on the fixture's log. `whileReading` runs before the log has been read. */
async function imagePushes(args: string, whileReading: () => unknown = () => {}) {
  const find: ChangeLog['find'] = async (viewer, range) => {
    const reading = fixture.log.find(viewer, range)
    await whileReading()
    return await reading
  }
  const result = await execute({
    schema: createSchema(),
    document: parse(`{ imagePushes(${args}) { nodes { tag } pageInfo { endCursor } } }`),
    contextValue: {
      viewer: SYSTEM,
      work: begin(),
      changeLog: { ...fixture.log, find },
    } as Partial<GraphQLContext>,
  })
  return { page: result.data?.imagePushes as Page | undefined, error: result.errors?.[0]?.originalError }
}

describe('a page of pushes', () => {
  test('ends before a push that commits while the log is read, so that a subscription from its end delivers the push', async () => {
    fixture.push({ tag: 'v1' })

    const { page } = await imagePushes('tag: "v2", last: 1', () => fixture.push({ tag: 'v2' }))

    expect(page).toEqual({ nodes: [], pageInfo: { endCursor: fixture.log.cursor(1) } })
    expect(
      fixture.log.read({ after: fixture.log.position(page?.pageInfo.endCursor ?? ''), limit: 5 }),
    ).toHaveLength(1)
  })

  test('is CURSOR_EXPIRED when pushes after "since" are removed while the log is read', async () => {
    fixture.push({ pushedAt: 1 }, { pushedAt: 2 }, { pushedAt: 3 })

    const { error } = await imagePushes(`since: "${fixture.log.cursor(0)}"`, () => fixture.log.dropBefore(3))

    expect(error).toMatchObject({ code: 'CURSOR_EXPIRED' })
  })

  test('without a cursor has what remains when pushes are removed meanwhile', async () => {
    fixture.push({ pushedAt: 1, tag: 'v1' }, { pushedAt: 3, tag: 'v3' })

    const { page, error } = await imagePushes('first: 5, tag: "v3"', () => fixture.log.dropBefore(3))

    expect(error).toBeUndefined()
    expect(page?.nodes).toEqual([{ tag: 'v3' }])
  })

  test('that searches the whole log under fifty aliases lets other work run in between', async () => {
    fixture.push(...Array.from({ length: 10_000 }, (_, n) => ({ tag: `v${n}` })))
    const aliases = Array.from(
      { length: 50 },
      (_, n) => `p${n}: imagePushes(last: 1, tag: "*zzz${n}") { nodes { tag } }`,
    )

    const { result, iterations } = await countingIterations(() =>
      execute({
        schema: createSchema(),
        document: parse(`{ ${aliases.join('\n')} }`),
        contextValue: { viewer: SYSTEM, work: begin(), changeLog: fixture.log } as Partial<GraphQLContext>,
      }),
    )

    expect(result.errors).toBeUndefined()
    expect(Object.values(result.data ?? {})).toEqual(aliases.map(() => ({ nodes: [] })))
    // an operation has the thread for short turns
    expect(iterations).toBeGreaterThan(5)
  })
})

test('a client finds pushes by every combination of namespace, image stream and tag', async () => {
  await using upstream = await startUpstream()
  await using app = await startApp()
  for (const name of ['api', 'web']) {
    for (const tag of ['v1', 'v2', 'edge'])
      upstream.push(`team/${name}`, tag, image({ seed: `${name} ${tag}` }))
    await follow(app.client, `${upstream.host}/team/${name}`, name)
  }
  const found = async (args: string): Promise<string[]> => {
    const { imagePushes } = await app.client.request<{
      imagePushes: { nodes: { imageStreamName: string; tag: string }[] }
    }>(`{ imagePushes(${args}) { nodes { imageStreamName tag } } }`)
    return imagePushes.nodes.map(({ imageStreamName, tag }) => `${imageStreamName}:${tag}`).sort()
  }

  expect(await found('imageStream: "api", tag: "v*"')).toEqual(['api:v1', 'api:v2'])
  expect(await found('namespace: "default", tag: "edge"')).toEqual(['api:edge', 'web:edge'])
  expect(await found('namespace: "default", imageStream: "w*", tag: "*1"')).toEqual(['web:v1'])
  expect(await found('imageStream: "*e*"')).toEqual(['web:edge', 'web:v1', 'web:v2'])
  expect(await found('last: 1, imageStream: "zzz*"')).toEqual([])
  expect(await found('namespace: "other", tag: "v1"')).toEqual([])
})
