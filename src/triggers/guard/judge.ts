import { missingPlatforms } from '../../oci/platforms.ts'
import type { Guards } from './guards.ts'
import { openingOf } from './window.ts'

/** Guards in the order in which they are judged: those that need no person and no request first. */
export const GUARDS = ['PLATFORMS', 'MINIMUM_AGE', 'VERIFIED', 'APPROVAL', 'WINDOW', 'RATE'] as const
export type Guard = (typeof GUARDS)[number]

/** Whether a trigger may act now. */
export type Judgement =
  | { readonly open: true }
  | {
      readonly open: false
      readonly guard: Guard
      /** Milliseconds since 1970 of the time to judge again; null when only an event changes the judgement. */
      readonly until: number | null
      readonly message: string
    }

/** What is known about an image that a trigger is to act upon. Times are milliseconds since 1970. */
export interface Facts {
  /** When the tag got the image. */
  readonly movedAt: number
  /** When a guard first held the image; null when none has. */
  readonly heldSince: number | null
  /** `linux/amd64`, in any spelling. */
  readonly platforms: readonly string[]
  /** Whether the image is signed as its stream requires, or why not; null when its signatures were not read. */
  readonly verification: { readonly isVerified: boolean; readonly message: string } | null
  /** Whether a person approved exactly this image. */
  readonly isApproved: boolean
  /** When the trigger's other deliveries began, those of the last hour at least. */
  readonly deliveries: readonly number[]
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const OPEN: Judgement = { open: true }

/** Returns the judgement of the first guard that does not hold. */
export function judge(guards: Guards, facts: Facts, now: number): Judgement {
  for (const guard of GUARDS) {
    const held = JUDGES[guard](guards, facts, now)
    if (held) return { open: false, guard, ...held }
  }
  return OPEN
}

type Held = { readonly until: number | null; readonly message: string } | undefined

const JUDGES: Readonly<Record<Guard, (guards: Guards, facts: Facts, now: number) => Held>> = {
  PLATFORMS({ platforms = [] }, facts) {
    const missing = missingPlatforms(platforms, facts.platforms)
    if (missing.length === 0) return undefined
    const present = facts.platforms.length === 0 ? 'none that is known' : facts.platforms.join(', ')
    return { until: null, message: `the image lacks ${missing.join(', ')}: it has ${present}` }
  },

  MINIMUM_AGE({ minimumAgeSeconds = 0 }, facts, now) {
    const until = knownSince(facts, now) + minimumAgeSeconds * SECOND
    if (until <= now) return undefined
    return { until, message: `the tag has not pointed to the image for ${minimumAgeSeconds} seconds yet` }
  },

  VERIFIED({ verified }, { verification, ...facts }, now) {
    if (!verified || verification?.isVerified) return undefined
    const until = now + delayOfRecheck(now - knownSince(facts, now))
    return { until, message: verification?.message ?? 'the signatures of the image were not read yet' }
  },

  APPROVAL({ approval }, { isApproved }) {
    if (!approval || isApproved) return undefined
    return { until: null, message: 'no person has approved the image yet: approveDelivery does' }
  },

  WINDOW({ windows = [] }, _, now) {
    const until = Math.min(...windows.map((window) => openingOf(window, now)))
    if (windows.length === 0 || until <= now) return undefined
    return {
      until,
      message: `no maintenance window is open: the next one opens at ${new Date(until).toISOString()}`,
    }
  },

  RATE({ maxPerHour = Number.POSITIVE_INFINITY }, { deliveries }, now) {
    // a delivery after now began before the clock was set back
    const recent = deliveries.filter((at) => at > now - HOUR && at <= now).toSorted((a, b) => b - a)
    const oldest = recent[maxPerHour - 1]
    if (oldest === undefined) return undefined
    return {
      until: oldest + HOUR,
      message: `the trigger has had its maximum of ${maxPerHour} deliveries within an hour`,
    }
  },
}

/** Returns since when the tag is known to have the image: `movedAt` is after now when the clock was set back since. */
const knownSince = ({ movedAt, heldSince }: Pick<Facts, 'movedAt' | 'heldSince'>, now: number): number =>
  Math.min(movedAt, heldSince ?? movedAt, now)

/** Returns the milliseconds after which signatures are read again: a quarter of the age, since most follow their image soon. */
const delayOfRecheck = (age: number): number => Math.min(HOUR, Math.max(MINUTE, age / 4))
