import { expect, test } from 'vitest'
import { MAX_DOCUMENT_CHARACTERS, withinDocumentBudget } from '../../../src/graphql/stream/document-budget.ts'

const make = (context: object, length: number, rootValue?: object): number =>
  withinDocumentBudget(context, { rootValue }, { make: () => length, lengthOf: (document) => document })

test('a response has documents until they are too long, and the next response has documents again', () => {
  const operation = {}
  make(operation, MAX_DOCUMENT_CHARACTERS)
  expect(make(operation, 1)).toBe(1)

  expect(() => make(operation, 1)).toThrow(
    'the documents have more than 33554432 characters: use smaller pages',
  )

  expect(make({}, 1)).toBe(1)
})

test('each event of a subscription is a response', () => {
  const operation = {}
  make(operation, MAX_DOCUMENT_CHARACTERS + 1, { event: 1 })

  expect(make(operation, 1, { event: 2 })).toBe(1)
})
