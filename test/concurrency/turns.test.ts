import { expect, it } from 'vitest'
import { type Share, Turns } from '../../src/concurrency/turns.ts'

const share = (used = 0): Share => ({ used })

/** Lets what is due use a millisecond, so often; returns how often each of the shares was due. */
function serve(turns: Turns<Share>, shares: readonly Share[], times: number): number[] {
  const counts = shares.map(() => 0)
  for (let time = 0; time < times; time++) {
    const due = turns.due()
    if (!due) throw new Error('nothing is due')
    turns.charge(due, 1)
    counts[shares.indexOf(due)] = (counts[shares.indexOf(due)] ?? 0) + 1
  }
  return counts
}

it('shares that always wait have equal parts, each some milliseconds in one go', () => {
  const turns = new Turns<Share>()
  const shares = [share(), share(), share()]
  for (const one of shares) turns.add(one)
  expect(serve(turns, shares, 10)).toEqual([10, 0, 0])
  expect(serve(turns, shares, 290)).toEqual([90, 100, 100])
})

it('one that was alone for a long time owes nothing to those that come later', () => {
  const turns = new Turns<Share>()
  const [early, late] = [share(), share()]
  for (let time = 0; time < 1_000; time++) turns.charge(early, 1)
  turns.add(late)
  turns.add(early)
  expect(serve(turns, [early, late], 40)[0]).toBeGreaterThanOrEqual(10)
})

it('one that was away for a long time has a small advantage, and no credit', () => {
  const turns = new Turns<Share>()
  const [busy, away] = [share(), share()]
  turns.add(busy)
  serve(turns, [busy], 1_000)
  turns.add(away)
  expect(turns.due()).toBe(away)
  const [ofBusy = 0, ofAway = 0] = serve(turns, [busy, away], 200)
  expect(Math.abs(ofAway - ofBusy)).toBeLessThanOrEqual(20)
})

it('one that is not eligible is passed over', () => {
  const turns = new Turns<Share>()
  const [one, other] = [share(), share(5)]
  turns.add(one)
  turns.add(other)
  expect(turns.due((candidate) => candidate !== one)).toBe(other)
})
