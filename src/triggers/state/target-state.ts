import type { Digest } from '../../oci/digest.ts'
import type { Failure } from '../content/answer.ts'
import type { Guard, Judgement } from '../guard/judge.ts'
import { delayAfter } from './backoff.ts'

/** An entry of a tag's history: the image that it pointed to from then on. */
export interface Move {
  /** Ascends in commit order. */
  readonly eventId: number
  readonly imageId: number
}

/** What a trigger has done for a tag, and what it has to do: a state, not a queue. */
export interface TargetState {
  /** What the tag points to; null before its first image. */
  readonly wanted: Move | null
  /** What was last delivered; null when nothing was. */
  readonly fired: Move | null
  /** Whether an attempt of another image has begun since: its receiver may have that one, whatever it responded. */
  readonly mayHaveAnother: boolean
  /** The delivery that is attempted, or that failed for good; null when nothing is to be done. */
  readonly delivery: PlannedDelivery | null
  /** Number of deliveries by hand so far: each has an id of its own. */
  readonly byHand: number
}

export interface PlannedDelivery {
  readonly move: Move
  /** Number of the delivery by hand; 0 for one that the move caused. */
  readonly byHand: number
  /** Attempts that failed. */
  readonly failures: number
  /**
   * Milliseconds since 1970 of the next attempt, or of the next judgement of its guards; null for a delivery that is not
   * attempted again, or that waits for an event.
   */
  readonly nextAt: number | null
  /** The guard that holds it; null while none does. */
  readonly guard: Guard | null
  /** Milliseconds since 1970 at which a guard first held it; null when none has. */
  readonly heldSince: number | null
  /** Until when an attempt that has begun owns the delivery; null while none has. */
  readonly leaseUntil: number | null
}

/** A judgement that a delivery has to wait. */
type Held = Extract<Judgement, { readonly open: false }>

/** A target of a tag that points to `now` and for which nothing is to be done. */
export const settled = (now: Move | null): TargetState => ({
  wanted: now,
  fired: now,
  mayHaveAnother: false,
  delivery: null,
  byHand: 0,
})

/** Milliseconds for which an attempt owns its delivery. */
export const LEASE = 60_000

/** Notes that the tag points to another image. A newer move takes the place of a delivery that is not being attempted. */
export function want(state: TargetState, move: Move, now: number): TargetState {
  if (state.wanted && move.eventId <= state.wanted.eventId) return state
  return planned({ ...state, wanted: move }, now)
}

/** Reports whether the receiver has the image that the tag points to. */
export const isDelivered = ({
  wanted,
  fired,
  mayHaveAnother,
}: Pick<TargetState, 'wanted' | 'fired' | 'mayHaveAnother'>): boolean =>
  wanted !== null && wanted.imageId === fired?.imageId && !mayHaveAnother

/** Returns the state with a delivery of what is wanted, if that was not delivered and no attempt is under way. */
function planned(state: TargetState, now: number): TargetState {
  const { wanted, delivery } = state
  if (delivery && delivery.leaseUntil !== null) return state
  if (!wanted || isDelivered(state)) return { ...state, delivery: null }
  return { ...state, delivery: deliveryOf(wanted, now) }
}

const deliveryOf = (move: Move, nextAt: number, byHand = 0): PlannedDelivery => ({
  move,
  byHand,
  failures: 0,
  nextAt,
  guard: null,
  heldSince: null,
  leaseUntil: null,
})

/** Plans a delivery of the newest image under an id of its own. Unchanged without an image, or while an attempt is under way. */
export function fireByHand(state: TargetState, now: number): TargetState {
  const { wanted, delivery } = state
  if (!wanted || (delivery && delivery.leaseUntil !== null)) return state
  const byHand = state.byHand + 1
  return { ...state, byHand, delivery: deliveryOf(wanted, now, byHand) }
}

/** Reports whether an attempt is due: its time has come, or the attempt that had begun has lost its lease. */
export const isDue = ({ delivery }: TargetState, now: number): boolean =>
  delivery !== null &&
  delivery.nextAt !== null &&
  (delivery.leaseUntil === null ? delivery.nextAt <= now : delivery.leaseUntil <= now)

/** Begins an attempt, which owns the delivery for a while. */
export function begin(state: TargetState, now: number): TargetState {
  const { delivery, fired } = state
  if (!delivery || !isDue(state, now)) return state
  const mayHaveAnother = state.mayHaveAnother || fired?.imageId !== delivery.move.imageId
  return { ...state, mayHaveAnother, delivery: { ...delivery, guard: null, leaseUntil: now + LEASE } }
}

/** Notes that a guard holds the delivery, instead of an attempt. It is judged again at `until`, or for null after an event. */
export function held(state: TargetState, { guard, until }: Held, now: number): TargetState {
  const { delivery } = state
  if (!delivery) return state
  const heldSince = Math.min(delivery.heldSince ?? now, now)
  // never due again at once
  const nextAt = until && Math.max(until, now + 1)
  return { ...state, delivery: { ...delivery, guard, heldSince, nextAt, leaseUntil: null } }
}

/** Plans a judgement of a delivery that a guard holds, after an event that may let it go. */
export const released = (state: TargetState, now: number): TargetState =>
  state.delivery?.guard == null ? state : { ...state, delivery: { ...state.delivery, nextAt: now } }

/** Lets an attempt that takes long own its delivery for longer. */
export const renewed = (state: TargetState, now: number): TargetState =>
  state.delivery?.leaseUntil == null
    ? state
    : { ...state, delivery: { ...state.delivery, leaseUntil: now + LEASE } }

/** Notes that the receiver has accepted the delivery. What the tag points to meanwhile is delivered next. */
export function succeeded(state: TargetState, now: number): TargetState {
  if (!state.delivery) return state
  return planned({ ...state, fired: state.delivery.move, mayHaveAnother: false, delivery: null }, now)
}

/** Notes that an attempt failed. `random` is from 0 to 1. A newer image is delivered at once, in place of another attempt. */
export function failed(state: TargetState, failure: Failure, now: number, random: number): TargetState {
  const { delivery, wanted } = state
  if (!delivery) return state
  const isOutdated = wanted !== null && wanted.eventId > delivery.move.eventId
  const failures = delivery.failures + 1
  if (isOutdated) return planned({ ...state, delivery: null }, now)
  const delay = failure.kind === 'LATER' ? delayAfter(failures, random, failure.retryAfter) : undefined
  const nextAt = delay === undefined ? null : now + delay
  return { ...state, delivery: { ...delivery, failures, nextAt, leaseUntil: null } }
}

/** Plans the newest image again, at once and with all attempts. Unchanged without a delivery, or while an attempt is under way. */
export function retry(state: TargetState, now: number): TargetState {
  const { delivery } = state
  if (!delivery || delivery.leaseUntil !== null) return state
  return { ...state, delivery: { ...delivery, failures: 0, nextAt: now, guard: null } }
}

/** Characters of the digest in an id: after a restored backup, another image may get the number of the entry again. */
const DIGEST_CHARACTERS = 12

/** Returns the id of the delivery of an image, the same for all its attempts. */
export const deliveryId = (trigger: string, { move, byHand }: PlannedDelivery, digest: Digest): string =>
  `${trigger}-${move.eventId}-${digest.slice(digest.indexOf(':') + 1).slice(0, DIGEST_CHARACTERS)}${byHand === 0 ? '' : `-manual-${byHand}`}`
