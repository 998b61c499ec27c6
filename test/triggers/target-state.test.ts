import { describe, expect, it } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import type { Failure } from '../../src/triggers/content/answer.ts'
import {
  begin,
  deliveryId,
  failed,
  fireByHand,
  isDelivered,
  isDue,
  LEASE,
  type Move,
  type PlannedDelivery,
  settled,
  succeeded,
  type TargetState,
  want,
} from '../../src/triggers/state/target-state.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { seedOf } from '../fixtures/seed.ts'

const move = (eventId: number, imageId = eventId): Move => ({ eventId, imageId })
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}` as Digest
const idOf = ({ delivery }: TargetState): string => deliveryId('t', delivery as PlannedDelivery, DIGEST)
const LATER: Failure = { kind: 'LATER', message: '503' }
const NEVER: Failure = { kind: 'NEVER', message: '422' }

const attempt = (state: TargetState, now: number): TargetState => {
  expect(isDue(state, now)).toBe(true)
  return begin(state, now)
}

describe('a target', () => {
  it('that is created for a tag with an image has nothing to do', () => {
    expect(isDue(settled(move(1)), 0)).toBe(false)
  })

  it('delivers the newest of many moves during an attempt once it has ended', () => {
    let state = attempt(want(settled(null), move(1), 0), 0)
    for (let event = 2; event <= 10; event++) state = want(state, move(event), 1)
    expect(isDue(state, 1)).toBe(false)
    state = succeeded(state, 2)
    expect(state.delivery).toMatchObject({ move: move(10), failures: 0, nextAt: 2 })
  })

  it('does nothing when the tag points again to the image that was delivered', () => {
    let state = want(settled(move(1, 7)), move(2, 8), 0)
    state = want(state, move(3, 7), 0)
    expect(state.delivery).toBeNull()
  })

  it('delivers a rollback', () => {
    const state = want(settled(move(2, 8)), move(3, 7), 5)
    expect(state.delivery).toMatchObject({ move: move(3, 7), nextAt: 5 })
  })

  it('replaces a delivery that waits for another attempt by that of a newer image, without failures', () => {
    let state = failed(attempt(want(settled(null), move(1), 0), 0), LATER, 0, 0.5)
    expect(state.delivery).toMatchObject({ failures: 1, nextAt: 5000 })
    state = want(state, move(2), 10)
    expect(state.delivery).toMatchObject({ move: move(2), failures: 0, nextAt: 10 })
  })

  it('attempts ten times, then no more until the tag moves or a person fires by hand', () => {
    let state = want(settled(null), move(1), 0)
    let attempts = 0
    for (let now = 0; state.delivery?.nextAt !== null; now = state.delivery?.nextAt ?? now) {
      state = failed(attempt(state, now), LATER, now, 0.5)
      attempts++
    }
    expect(attempts).toBe(10)
    expect(isDue(state, Number.MAX_SAFE_INTEGER)).toBe(false)
    expect(isDue(want(state, move(2), 0), 0)).toBe(true)
    expect(isDue(fireByHand(state, 0), 0)).toBe(true)
  })

  it('is not attempted again when the receiver will never accept it', () => {
    const state = failed(attempt(want(settled(null), move(1), 0), 0), NEVER, 0, 0.5)
    expect(state.delivery?.nextAt).toBeNull()
  })

  it('is attempted again, with the same id, when an attempt has lost its lease', () => {
    const state = attempt(want(settled(null), move(1), 0), 0)
    expect(isDue(state, LEASE - 1)).toBe(false)
    const again = attempt(state, LEASE)
    expect(idOf(again)).toBe(idOf(state))
  })

  it('waits as long as the receiver asks, at most a day', () => {
    const due = (retryAfter: number) =>
      failed(attempt(want(settled(null), move(1), 0), 0), { ...LATER, retryAfter }, 0, 0.5).delivery?.nextAt
    expect(due(60_000)).toBe(60_000)
    expect(due(1)).toBe(5000)
    expect(due(Number.MAX_SAFE_INTEGER)).toBe(86_400_000)
  })

  it('fired by hand delivers the same image under an id of its own', () => {
    let state = fireByHand(settled(move(4)), 0)
    expect(idOf(state)).toBe('t-4-0123456789ab-manual-1')
    state = fireByHand(succeeded(attempt(state, 0), 1), 1)
    expect(idOf(state)).toBe('t-4-0123456789ab-manual-2')
  })
})

it('over random moves, failures and lost attempts, the receiver gets the newest image last, in order, an image under one id', () => {
  const random = randomNumbers(seedOf('target state'))
  for (let run = 0; run < 300; run++) {
    let state = settled(null)
    let now = 0
    let event = 0
    /** The image that the receiver has: it may act and its response be lost. */
    let receiver: number | undefined
    const accepted: { readonly eventId: number; readonly id: string }[] = []
    const chance = (part: number): boolean => random() < part
    const step = (isQuiet: boolean): void => {
      now += Math.floor(random() * 100_000)
      if (!isQuiet && chance(0.4)) state = want(state, move(++event, Math.floor(random() * 4)), now)
      if (!isDue(state, now)) return
      state = begin(state, now)
      const { delivery } = state
      if (!delivery) return
      const isFailing = !isQuiet && chance(0.6)
      if (!isFailing || chance(0.5)) receiver = delivery.move.imageId
      if (isFailing && chance(0.3)) return
      if (isFailing) {
        state = failed(state, LATER, now, random())
        return
      }
      accepted.push({ eventId: delivery.move.eventId, id: deliveryId('t', delivery, DIGEST) })
      state = succeeded(state, now)
    }
    for (let at = 0; at < 60; at++) step(false)
    for (let at = 0; at < 60 && state.delivery; at++) {
      now += 86_400_000
      step(true)
    }
    expect(isDelivered(state)).toBe(event > 0)
    expect(receiver).toBe(state.wanted?.imageId)
    const events = accepted.map(({ eventId }) => eventId)
    expect(events).toEqual([...new Set(events)].sort((a, b) => a - b))
    expect(accepted.every(({ eventId, id }) => id === `t-${eventId}-0123456789ab`)).toBe(true)
  }
})
