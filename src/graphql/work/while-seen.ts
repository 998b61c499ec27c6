import type { Authentication } from '../../access/authentication.ts'
import { UnauthenticatedError } from '../../access/right/errors.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import { NotFoundError } from '../../input/errors.ts'

interface Seen<State> {
  /** Reports whether the viewer may see the state by the rights that it has now. */
  readonly isSeen: (viewer: Viewer, state: State) => boolean
  /** Message for a viewer that no longer may. */
  readonly missing: string
}

/**
 * Returns the states of a subscription that does not run through the hub, each for the viewer with its rights at that moment. Ends
 * with an error, which the executor reports, when the credential is no longer valid or the viewer no longer sees the state.
 */
export function whileSeen<State>(
  context: { viewer: Viewer; readonly renew: Authentication['renew'] },
  states: AsyncIterator<State>,
  { isSeen, missing }: Seen<State>,
): AsyncIterableIterator<State | Error> {
  let isOver = false
  const refusalOf = (state: State): Error | undefined => {
    const viewer = context.renew(context.viewer)
    if (!viewer) return new UnauthenticatedError('the credential is no longer valid: sign in again')
    // the fields of this result, and of those after it, are resolved for it
    context.viewer = viewer
    return isSeen(viewer, state) ? undefined : new NotFoundError(missing)
  }
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      if (isOver) return { done: true, value: undefined }
      const next = await states.next()
      const refusal = next.done ? undefined : refusalOf(next.value)
      if (!refusal) return next
      isOver = true
      await states.return?.()
      return { done: false, value: refusal }
    },
    async return() {
      isOver = true
      await states.return?.()
      return { done: true, value: undefined }
    },
  }
}
