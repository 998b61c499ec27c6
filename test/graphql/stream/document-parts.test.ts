import { expect, it } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import { wholeDocument } from '../../../src/graphql/stream/document-parts.ts'
import type { OperationWork } from '../../../src/graphql/work/operation-work.ts'
import { TestDomain } from '../../fixtures/test-domain.ts'

/** A domain with one stream, and the work of an operation that may use `limit` characters. */
async function setUp({ limit = Number.POSITIVE_INFINITY, onTurn = () => {} } = {}) {
  const domain = new TestDomain()
  await domain.create({ spec: {} })
  let used = 0
  let turns = 0
  const spend = (characters: number): void => {
    used += characters
    if (used > limit) throw new Error('too many')
  }
  const nextTurn = async (): Promise<void> => {
    turns++
    onTurn()
  }
  const work: Pick<OperationWork, 'spend' | 'nextTurn'> = { spend, nextTurn }
  const context = { viewer: SYSTEM, streams: domain.streams, work: work as OperationWork }
  return { domain, context, turns: () => turns }
}

function* parts(count: number, onPart: () => void = () => {}): Generator<string> {
  for (let at = 0; at < count; at++) {
    onPart()
    yield 'x'.repeat(1000)
  }
}

it('other work may run after each part of a document', async () => {
  const { domain, context, turns } = await setUp()
  expect(await wholeDocument([domain.stream()], context, () => parts(10))).toHaveLength(10_000)
  expect(turns()).toBe(10)
})

it('a document that is too long ends with the part that is over the limit', async () => {
  const { domain, context } = await setUp({ limit: 50_000 })
  let made = 0
  const text = wholeDocument([domain.stream()], context, () => parts(1000, () => void made++))
  await expect(text).rejects.toThrow('too many')
  expect(made).toBe(51)
})

it('a document whose stream changes while it is written is written again', async () => {
  let change: (() => void) | undefined
  const { domain, context } = await setUp({
    onTurn: () => {
      change?.()
      change = undefined
    },
  })
  const labels = [{ key: 'a', value: 'b' }]
  change = () => void domain.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', labels })
  const versions: (number | undefined)[] = []
  await wholeDocument([domain.stream()], context, ([stream]) => {
    versions.push(stream?.resourceVersion)
    return parts(40)
  })
  expect(versions).toEqual([1, 2])
})
