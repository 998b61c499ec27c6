import type { Viewer } from '../../access/right/viewer.ts'
import type { Egress } from '../../egress/egress.ts'
import { NotFoundError } from '../../input/errors.ts'
import type { Action } from '../content/actions.ts'
import type { MovedTag } from '../content/moved-tag.ts'
import type { ShownRequest } from '../content/shown-request.ts'
import type { Definitions } from '../definition/definitions.ts'
import type { TargetRows } from '../state/target-rows.ts'
import type { Attempts } from './attempt.ts'
import type { DescribeDelivery } from './described.ts'
import type { createTagOfTrigger, TagOfTrigger } from './tag-of-trigger.ts'

interface DryRunDependencies {
  readonly definitions: Pick<Definitions, 'find'>
  readonly tagOf: ReturnType<typeof createTagOfTrigger>
  readonly describe: DescribeDelivery
  readonly targets: Pick<TargetRows, 'find'>
  readonly attempts: Pick<Attempts, 'requestOf'>
  readonly egress: Pick<Egress, 'request'>
  readonly rehearse: Rehearse
}

/** What another part of this server would do. */
export interface Rehearsal extends Pick<DryRun, 'isReachable' | 'message'> {
  readonly plan: string
}

/** Returns what an action that is no request would do, without doing it. Rejects only when the signal is aborted. */
export type Rehearse = (
  action: Action,
  rehearsed: { readonly move: MovedTag; readonly isContacted: boolean; readonly signal: AbortSignal },
) => Promise<Rehearsal>

/** What a trigger would send. */
export interface DryRun {
  /** The request, with secrets replaced; null for an action that another part of this server does. */
  readonly request: ShownRequest | null
  /** What this server would do itself, for people; null for an action that is a request. */
  readonly plan: string | null
  /** Whether the host of the receiver responds; null if it was not asked. */
  readonly isReachable: boolean | null
  /** Why the host does not respond; null if it does, or was not asked. */
  readonly message: string | null
}

const LIMITS = { timeout: 10_000, maxBytes: 64 * 1024 }

/**
 * Creates the dry run of triggers: what would be sent for the image that a tag has now. With `contact` a HEAD request for `/`, which
 * has no secret and starts nothing, finds out whether the host of the receiver responds. Throws NotFoundError,
 * InvalidInputError.
 */
export const createDryRun =
  ({ definitions, tagOf, describe, targets, attempts, egress, rehearse }: DryRunDependencies) =>
  async (
    viewer: Viewer,
    input: TagOfTrigger & { readonly contact: boolean },
    signal: AbortSignal,
  ): Promise<DryRun> => {
    const trigger = definitions.find(viewer, input.id)
    const { id: tagId, newestEventId } = tagOf(viewer, trigger, input)
    // as fireTrigger: of a trigger from a base image, the newest move of a base
    const { wanted = null } = targets.find({ triggerId: trigger.id, tagId })?.state ?? {}
    const { move } = describe(trigger, { tagId }, wanted?.eventId ?? newestEventId) ?? {}
    if (!move) throw new NotFoundError('the entry of the tag’s history was pruned')
    const made = attempts.requestOf(trigger, move, `${trigger.uid}-test`)
    if (!made) {
      const rehearsed = { move, isContacted: input.contact, signal }
      return { request: null, ...(await rehearse(trigger.action, rehearsed)) }
    }
    if (!input.contact) return { request: made.shown, plan: null, isReachable: null, message: null }
    const root = new URL('/', made.request.url)
    const message = await egress
      .request(root, { method: 'HEAD', ...LIMITS, signal })
      .then(() => null)
      .catch((error: unknown) => {
        signal.throwIfAborted()
        return error instanceof Error ? error.message : String(error)
      })
    return { request: made.shown, plan: null, isReachable: message === null, message }
  }
