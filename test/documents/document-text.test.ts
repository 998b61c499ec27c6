import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { jsonParts, Parts, partsOf, yamlParts } from '../../src/documents/document-text.ts'

/** Yields the items in parts of this size. */
function* split(items: readonly object[], size: number): Generator<readonly object[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}

const STRINGS = [
  '',
  'on',
  '1:30',
  '  two\n lines\n\nand # more ',
  '- dash',
  'a: b',
  '# no',
  'x\ny\n',
  '\ttab',
  '"',
  '\u2028é',
]

const entries = (count: number): object[] =>
  Array.from({ length: count }, (_, at) => ({
    created: STRINGS[at % STRINGS.length],
    generation: at,
    image: null,
  }))

/** A document with lists as they are, and the same with these lists in parts. */
function documents(size: number): readonly [whole: object, inParts: object] {
  const make = (list: (items: object[]) => unknown): object => {
    const tag = (at: number): object => ({
      ...(at % 3 === 0 && { conditions: entries(2) }),
      items: at % 4 === 0 ? list(entries(at + 1)) : at % 5 === 0 ? null : entries(1),
      tag: STRINGS[at % STRINGS.length],
    })
    const stream = (at: number): object => ({
      kind: 'ImageStream',
      metadata: { annotations: { 'a.b/c': STRINGS[at % STRINGS.length], list: [] }, name: 'x' },
      spec: { lookupPolicy: { local: false }, tags: list(entries(3)) },
      status: { dockerImageRepository: '', tags: list([0, 1, 2, 3, 4, 5, 6, 7, 8].map(tag)) },
    })
    return {
      apiVersion: 'v1',
      items: list([0, 1, 2, 3].map(stream)),
      kind: 'List',
      metadata: { resourceVersion: '' },
    }
  }
  return [make((items) => items), make((items) => partsOf(split(items, size)))]
}

describe('the text of a document in parts', () => {
  it.each([1, 2, 3, 100])('is the text of the whole document, with parts of %i items', (size) => {
    const [whole, json] = documents(size)
    expect([...jsonParts(json)].join('')).toBe(`${JSON.stringify(whole, null, 4)}\n`)
    const [, yaml] = documents(size)
    const options = { version: '1.1', indentSeq: false, lineWidth: 0, aliasDuplicateObjects: false } as const
    expect([...yamlParts(yaml)].join('')).toBe(stringify(whole, options))
  })

  it('of a document without long lists is the whole one', () => {
    expect([...jsonParts({ a: [], b: {} })].join('')).toBe('{\n    "a": [],\n    "b": {}\n}\n')
    expect([...yamlParts({ a: [], b: {} })].join('')).toBe('a: []\nb: {}\n')
  })

  it.each([jsonParts, yamlParts])('makes no item before its part is taken', (write) => {
    let made = 0
    const parts = write({
      items: new Parts(
        (function* () {
          for (;;) yield [{ at: made++ }]
        })(),
      ),
    })
    for (let taken = 0; made < 10; taken++) {
      parts.next()
      expect(made).toBeLessThanOrEqual(taken + 1)
    }
    parts.return(undefined)
  })
})
