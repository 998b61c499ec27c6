import fc from 'fast-check'
import { expect, it } from 'vitest'
import { openDatabase } from '../../src/db/open.ts'
import { matchesGlob } from '../../src/input/glob.ts'
import type { StreamName } from '../../src/oci/stream-name.ts'
import { createMatchingTriggers } from '../../src/triggers/definition/matching-triggers.ts'
import { insertTriggers } from '../bench/trigger-seed.ts'

const letters = (characters: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength })

it('the triggers of a move are those whose patterns match, and no others', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ streams: letters('ab-*', 5), tags: letters('v1*', 3) }), { maxLength: 20 }),
      letters('ab-', 5),
      letters('v1', 3),
      (sources, name, tag) => {
        using db = openDatabase(':memory:')
        insertTriggers(db, 'https://hook.test/', sources)
        const found = createMatchingTriggers(db)({ namespace: 'default', name } as StreamName, tag, 1)
        const expected = sources.filter(
          ({ streams, tags }) => matchesGlob(streams, name) && matchesGlob(tags, tag),
        )
        const texts = (all: readonly { readonly streams: string; readonly tags: string }[]) =>
          all.map(({ streams, tags }) => `${streams}:${tags}`).sort()
        expect(texts(found)).toEqual(texts(expected))
      },
    ),
    { numRuns: 30 },
  )
})
