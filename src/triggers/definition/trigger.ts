import type { triggers } from '../../db/tables/index.ts'
import { isGlob } from '../../input/glob.ts'
import type { Action } from '../content/actions.ts'
import type { Guards } from '../guard/guards.ts'

type TriggerRow = typeof triggers.$inferSelect

/** What is done when a tag points to another image. */
export interface Trigger extends Omit<TriggerRow, 'action' | 'guards' | 'scope' | 'isHeld'> {
  readonly action: Action
  readonly guards: Guards
}

export function triggerOf({ action, guards, scope: _, isHeld: __, ...row }: TriggerRow): Trigger {
  // written by this room alone
  return { ...row, action: JSON.parse(action) as Action, guards: JSON.parse(guards) as Guards }
}

/** Returns the columns of a trigger, with those that follow from others. */
export function columnsOf<T extends Omit<Trigger, 'id'>>({ action, guards, ...trigger }: T) {
  const { streams, tags } = trigger
  const ofStream = isGlob(tags) ? 'STREAM' : 'TAG'
  return {
    ...trigger,
    action: JSON.stringify(action),
    guards: JSON.stringify(guards),
    scope: isGlob(streams) ? 'NAMESPACE' : ofStream,
    isHeld: heldOf(trigger),
  } as const
}

export const TRIGGER_STATES = ['ACTIVE', 'PAUSED', 'DISABLED'] as const

/** Returns whether it acts: DISABLED after the receiver has refused all further requests. */
export function triggerStateOf({
  pausedAt,
  disabledReason,
}: Pick<Trigger, 'pausedAt' | 'disabledReason'>): (typeof TRIGGER_STATES)[number] {
  if (disabledReason !== null) return 'DISABLED'
  return pausedAt === null ? 'ACTIVE' : 'PAUSED'
}

/** Returns 1 for a trigger that does not act: nothing is due for its targets. */
export const heldOf = (trigger: Pick<Trigger, 'pausedAt' | 'disabledReason'>): 0 | 1 =>
  triggerStateOf(trigger) === 'ACTIVE' ? 0 : 1
