import { type DocumentNode, parse, validate } from 'graphql'
import { expect, test } from 'vitest'
import { createSchema } from '../../src/graphql/schema.ts'
import { EXAMPLES } from '../../src/http/endpoints/examples.ts'
import { startApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const operationOf = ({ definitions: [first] }: DocumentNode): string | undefined =>
  first?.kind === 'OperationDefinition' ? first.operation : undefined

test('every example of GraphiQL is valid', () => {
  for (const example of EXAMPLES) expect(validate(createSchema(), parse(example)), example).toEqual([])
})

test('the examples run in their order on an empty server, and return data', async () => {
  await using upstream = await startUpstream()
  for (const tag of ['latest', '3.4-slim', 'alpine']) upstream.push('library/ruby', tag, image({ seed: tag }))
  await using app = await startApp()

  const responses: string[] = []
  for (const example of EXAMPLES) {
    if (operationOf(parse(example)) === 'subscription') continue
    const here = example.replaceAll('docker.io/library/ruby', `${upstream.host}/library/ruby`)
    responses.push(JSON.stringify(await app.client.request(here)))
  }

  expect(responses).toHaveLength(3)
  for (const response of responses) expect(response).toMatch(/IMPORTED|sha256:/)
})
