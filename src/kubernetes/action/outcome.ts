import { KubernetesError } from '../client/errors.ts'
import type { TriggerCondition } from '../workload/condition.ts'

/** How an action ended. */
export interface ActionOutcome {
  /** Status of the API server's response; null without one. */
  readonly status: number | null
  /** What was done, for people. */
  readonly text: string
  /** Address at which people see the work that began: none. */
  readonly link: null
  /** Null for success. LATER: the same action may succeed later; NEVER: not before a person changes something. */
  readonly failure: {
    readonly kind: 'LATER' | 'NEVER'
    /** What is wrong, and what to do. */
    readonly message: string
    /** Milliseconds for which the API server asks to wait. */
    readonly retryAfter?: number
  } | null
}

/** Returns the outcome of an action that was done. */
export const done = (text: string): ActionOutcome => ({ status: 200, text, link: null, failure: null })

/** Returns the outcome of an action that waits for a person. */
export const impossible = (message: string): ActionOutcome => ({
  status: null,
  text: '',
  link: null,
  failure: { kind: 'NEVER', message },
})

/** Returns the outcome of an action that a condition prevents. Permissions may be granted without a change of the object. */
export function prevented({ reason, message, remedy }: TriggerCondition): ActionOutcome {
  const outcome = impossible(`${message}: ${remedy}`)
  if (reason !== 'FORBIDDEN') return outcome
  return { ...outcome, status: 403, failure: { kind: 'LATER', message: `${message}: ${remedy}` } }
}

/** Returns the outcome of an action that failed. */
export function failed(error: unknown): ActionOutcome {
  const { status, retryAfter } = error instanceof KubernetesError ? error : { status: null, retryAfter: null }
  const message = error instanceof Error ? error.message : String(error)
  return {
    status,
    text: '',
    link: null,
    failure: { kind: 'LATER', message, ...(retryAfter !== null && { retryAfter }) },
  }
}
