import type { Viewer } from '../../access/right/viewer.ts'
import type { Egress } from '../../egress/egress.ts'
import { NotFoundError } from '../../input/errors.ts'
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
}

/** What a trigger would send. */
export interface DryRun {
  /** The request, with secrets replaced; null for an action that another part of this server does. */
  readonly request: ShownRequest | null
  /** Whether the host of the receiver responds; null if it was not asked. */
  readonly isReachable: boolean | null
  /** Why the host does not respond; null if it does, or was not asked. */
  readonly message: string | null
}

const LIMITS = { timeout: 10_000, maxBytes: 64 * 1024 }

/**
 * Creates the dry run of triggers: what would be sent for the image that a tag has now. `contact` asks the host of the receiver
 * whether it responds, with a HEAD request for `/` that has no secret and starts nothing. Throws NotFoundError,
 * InvalidInputError.
 */
export const createDryRun =
  ({ definitions, tagOf, describe, targets, attempts, egress }: DryRunDependencies) =>
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
    if (!made || !input.contact) return { request: made?.shown ?? null, isReachable: null, message: null }
    const root = new URL('/', made.request.url)
    const message = await egress
      .request(root, { method: 'HEAD', ...LIMITS, signal })
      .then(() => null)
      .catch((error: unknown) => {
        signal.throwIfAborted()
        return error instanceof Error ? error.message : String(error)
      })
    return { request: made.shown, isReachable: message === null, message }
  }
