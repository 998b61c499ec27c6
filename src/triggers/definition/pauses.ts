import { SYSTEM, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Trigger } from './trigger.ts'
import { checkPause, type Pause } from './trigger-input.ts'
import type { TriggerRows } from './trigger-rows.ts'

interface PausesDependencies {
  readonly db: Pick<Database, 'transact'>
  readonly rows: Pick<TriggerRows, 'byIds' | 'pausedUntil'>
  /** Throws NotFoundError. */
  readonly find: (viewer: Viewer, id: number) => Trigger
  /** Stores a changed trigger with an audit entry, and returns it. */
  readonly store: (tx: Transaction, viewer: Viewer, action: string, changed: Trigger) => Trigger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The columns of a trigger that acts. */
export const NOT_PAUSED = {
  ...{ pausedAt: null, pausedUntil: null, pausedBy: null, pauseReason: null },
  disabledReason: null,
} as const

/** Creates what makes triggers wait, and go on. */
export const createPauses = ({ db, rows, find, store, now }: PausesDependencies) => ({
  /** Lets a trigger wait: what moves meanwhile is delivered when it goes on. Throws NotFoundError, InvalidInputError. */
  pause: (viewer: Viewer, id: number, pause: Pause): Trigger =>
    db.transact((tx) => {
      const { reason, until } = checkPause(pause, now())
      return store(tx, viewer, 'pauseTrigger', {
        ...find(viewer, id),
        ...{ pausedAt: now(), pausedUntil: until, pausedBy: viewer.name, pauseReason: reason },
      })
    }),

  /** Lets a trigger that was paused, or disabled, go on. Throws NotFoundError. */
  resume: (viewer: Viewer, id: number): Trigger =>
    db.transact((tx) => store(tx, viewer, 'resumeTrigger', { ...find(viewer, id), ...NOT_PAUSED })),

  /** Holds a trigger whose receiver wants no more requests, until a person resumes it. */
  disable(tx: Transaction, id: number, reason: string): void {
    const trigger = rows.byIds([id]).get(id)
    if (trigger) store(tx, SYSTEM, 'disableTrigger', { ...trigger, disabledReason: reason })
  },

  /** Resumes the triggers whose pause has ended. */
  resumeEnded(tx: Transaction): void {
    for (const trigger of rows.pausedUntil(now())) {
      store(tx, SYSTEM, 'resumeTrigger', { ...trigger, ...NOT_PAUSED })
    }
  },
})
