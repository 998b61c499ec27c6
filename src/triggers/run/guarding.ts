import { LRUCache } from 'lru-cache'
import { SharedSemaphore } from '../../concurrency/bounded.ts'
import type { Database } from '../../db/open.ts'
import type { MovedTag } from '../content/moved-tag.ts'
import type { Trigger } from '../definition/trigger.ts'
import { type Facts, type Judgement, judge } from '../guard/judge.ts'
import type { DeliveryRows } from '../state/delivery-rows.ts'
import type { StoredTarget } from '../state/target.ts'
import { released } from '../state/target-state.ts'
import type { Targets } from '../state/targets.ts'

/** Whether an image is signed as its stream requires, or why not. */
export type ImageVerification = NonNullable<Facts['verification']>

/** Reads the signatures of the image of an entry of a tag's history. */
export type VerifyMove = (eventId: number) => Promise<ImageVerification>

/** Verifications at a time, and those for triggers of one namespace. */
const VERIFYING = { limit: 8, share: 2 }
/** Verifications that are kept, and for how many milliseconds: one that is older is made again. */
const KEPT = { max: 10_000, milliseconds: 30_000 }

export interface GuardingDependencies {
  readonly db: Pick<Database, 'transact'>
  readonly deliveries: Pick<DeliveryRows, 'newestOf'>
  readonly targets: Pick<Targets, 'find' | 'change'>
  readonly verify: VerifyMove
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Called after a commit that made a judgement due. */
  readonly wake: () => void
  readonly onError: (error: unknown) => void
}

/** The judgement of guards over what is known now. */
export type Guarding = ReturnType<typeof createGuarding>

/** Creates the judgement of guards. Signatures are read when a guard needs them, and the target is judged again then. */
export function createGuarding(dependencies: GuardingDependencies) {
  const { db, deliveries, targets, verify, now, wake, onError } = dependencies
  const known = new LRUCache<number, ImageVerification & { readonly at: number }>({ max: KEPT.max })
  /** By entry: the targets that wait for it. */
  const verifying = new Map<
    number,
    { readonly targets: Map<number, StoredTarget>; readonly ended: Promise<void> }
  >()
  const turns = new SharedSemaphore(VERIFYING)
  let isStopped = false

  const verificationOf = (eventId: number): ImageVerification | null => {
    const found = known.get(eventId)
    return found && Math.abs(now() - found.at) < KEPT.milliseconds ? found : null
  }
  const release = (waiting: Iterable<StoredTarget>): void => {
    db.transact((tx) => {
      for (const target of waiting) {
        const current = targets.find(target)
        if (current) targets.change(tx, current, released(current.state, now()), current.message)
      }
    })
    wake()
  }
  const startVerifying = (target: StoredTarget, eventId: number, namespace: string): void => {
    const others = verifying.get(eventId)
    if (others) others.targets.set(target.id, target)
    if (others || isStopped) return
    const waiting = new Map([[target.id, target]])
    const ended = turns
      .run(namespace, () => verify(eventId))
      .then((found) => {
        if (isStopped) return
        known.set(eventId, { ...found, at: now() })
        release(waiting.values())
      })
      .catch((error: unknown) => {
        if (!isStopped) onError(error)
      })
      .finally(() => verifying.delete(eventId))
    verifying.set(eventId, { targets: waiting, ended })
  }

  return {
    /** Returns whether the planned delivery of a target may be attempted now. */
    judge(
      { guards, namespace }: Pick<Trigger, 'guards' | 'namespace'>,
      target: StoredTarget,
      move: MovedTag,
    ): Judgement {
      const { delivery } = target.state
      if (!delivery) return { open: true }
      const { eventId } = delivery.move
      const { maxPerHour = 0 } = guards
      const verification = guards.verified ? verificationOf(eventId) : null
      const judgement = judge(
        guards,
        {
          ...{
            movedAt: move.movedAt,
            heldSince: delivery.heldSince,
            platforms: move.platforms,
            verification,
          },
          isApproved: target.approval?.eventId === eventId,
          deliveries: maxPerHour > 0 ? deliveries.newestOf(target, eventId, maxPerHour) : [],
        },
        now(),
      )
      const needsVerification = !judgement.open && judgement.guard === 'VERIFIED' && verification === null
      if (needsVerification) startVerifying(target, eventId, namespace)
      return judgement
    },

    /** Resolves when no signatures are being read. */
    async idle(): Promise<void> {
      while (verifying.size > 0) {
        await Promise.all([...verifying.values()].map(({ ended }) => ended))
      }
    },

    /** Ignores verifications that have not ended. */
    stop(): void {
      isStopped = true
    },
  }
}
