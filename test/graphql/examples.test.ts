import { type GraphQLField, type OperationDefinitionNode, parse, validate } from 'graphql'
import { beforeAll, describe, expect, test } from 'vitest'
import { exampleOf } from '../../src/graphql/kit/examples.ts'
import { createSchema } from '../../src/graphql/schema.ts'
import { startApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { eventStream } from '../http/clients.ts'

type RootField = GraphQLField<unknown, unknown>

interface Example {
  readonly field: string
  readonly text: string
  readonly operation: OperationDefinitionNode
}

/** Mutations whose objects the other examples use, in this order. */
const FIRST = ['createImageStream', 'importImage']

const schema = createSchema()

const fieldsOf = (type: { getFields(): Record<string, RootField> } | null | undefined): RootField[] =>
  Object.values(type?.getFields() ?? {})

function examplesOf(fields: readonly RootField[]): Example[] {
  return fields.flatMap((field) => {
    const text = exampleOf(field)
    if (text === undefined) return []
    const [operation] = parse(text).definitions
    if (operation?.kind !== 'OperationDefinition')
      throw new Error(`${field.name}: the example is no operation`)
    return [{ field: field.name, text, operation }]
  })
}

const QUERIES = examplesOf(fieldsOf(schema.getQueryType()))
const MUTATIONS = examplesOf(fieldsOf(schema.getMutationType()))
const SUBSCRIPTIONS = examplesOf(fieldsOf(schema.getSubscriptionType()))

const isFirst = ({ field }: Example): boolean => FIRST.includes(field)
const inOrder = (one: Example, other: Example): number =>
  FIRST.indexOf(one.field) - FIRST.indexOf(other.field)

describe('the example of a root field', () => {
  const responses = new Map<string, unknown>()

  beforeAll(async () => {
    await using upstream = await startUpstream()
    for (const tag of ['latest', '3.4-slim', 'alpine'])
      upstream.push('library/ruby', tag, image({ seed: tag }))
    await using app = await startApp()
    const here = ({ text }: Example) => text.replaceAll('docker.io/', `${upstream.host}/`)
    const run = async (example: Example): Promise<void> => {
      responses.set(example.field, await app.client.execute(here(example)))
    }

    const streams = []
    for (const example of SUBSCRIPTIONS) {
      streams.push({ example, ...(await eventStream(`${app.app.url}/graphql`, here(example))) })
    }
    for (const example of MUTATIONS.filter(isFirst).sort(inOrder)) await run(example)
    for (const example of QUERIES) await run(example)
    for (const example of MUTATIONS) if (!isFirst(example)) await run(example)
    for (const { example, events, body } of streams) {
      const { value } = await events.next()
      responses.set(example.field, JSON.parse(value?.data ?? 'null'))
      body.destroy()
    }
  })

  test.each([...QUERIES, ...MUTATIONS, ...SUBSCRIPTIONS])('$field is one valid operation', (example) => {
    const { field, text, operation } = example
    expect(validate(schema, parse(text))).toEqual([])
    expect(parse(text).definitions).toHaveLength(1)
    const roots = operation.selectionSet.selections.flatMap((node) =>
      node.kind === 'Field' ? node.name.value : [],
    )
    expect(roots).toEqual([field])
    expect(operation.name?.value).toBe(field[0]?.toUpperCase() + field.slice(1))
  })

  test.each([...QUERIES, ...MUTATIONS, ...SUBSCRIPTIONS])(
    '$field runs and returns its object',
    ({ field }) => {
      expect(responses.get(field)).toEqual({ data: { [field]: expect.anything() } })
    },
  )
})
