import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestDomain } from '../fixtures/test-domain.ts'
import { applyOne, imageStream, tagOf } from './documents.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

describe('an unknown field', () => {
  it('is a warning with its path, and all other fields are applied', () => {
    const document = {
      ...imageStream(
        { foo: null, tags: [tagOf('a', 'registry.test/a', { foo: 1, importPolicy: { 'a.b': {} } })] },
        { ownerReferences: [], finalizers: ['x'] },
      ),
      data: {},
    }

    expect(applyOne(domain, document)).toMatchObject({
      action: 'CREATED',
      warnings: [
        'data: unknown field, not stored',
        'metadata.ownerReferences: unknown field, not stored',
        'metadata.finalizers: unknown field, not stored',
        'spec.foo: unknown field, not stored',
        'spec.tags[0].foo: unknown field, not stored',
        'spec.tags[0].importPolicy["a.b"]: unknown field, not stored',
      ],
    })
    expect(domain.streams.specTags([domain.stream().id])).toMatchObject([{ name: 'a' }])
  })

  it('is one of at most a hundred warnings', () => {
    const many = Object.fromEntries(Array.from({ length: 250 }, (_, at) => [`k${at}`, 1]))
    const { warnings } = applyOne(domain, imageStream(many))

    expect(warnings).toHaveLength(101)
    expect(warnings.at(-1)).toBe('and 150 more warnings')
  })
})
