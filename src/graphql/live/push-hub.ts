import { execute, GraphQLError } from 'graphql'
import type { Logger } from 'pino'
import { InvalidCursorError } from '../../events/cursor.ts'
import type { Push, PushFilter, PushLog } from '../../events/push-log.ts'
import type { GraphQLContext, Viewer } from '../kit/context.ts'
import { formatError, maskError, maskResult } from '../kit/errors.ts'
import { PushGroup, type PushMember, type PushReader, type PushResult } from './push-hub-group.ts'
import { Renderings } from './push-hub-renderings.ts'
import { PushSource } from './push-hub-source.ts'
import { type Operation, type RootSubscription, readSubscription } from './subscription-operation.ts'

export type { PushMember, PushPage, PushReader } from './push-hub-group.ts'

/** Arguments of `imagePushed` beside `since`, as the schema coerces them. */
export interface PushArguments {
  readonly namespace?: string | null
  readonly imageStream?: string | null
  readonly tag?: string | null
}

export interface PushHubOptions {
  readonly pushes: PushLog
  /** The pushes that arguments ask for. May throw what `maskError` lets through. */
  readonly filterOf: (args: PushArguments) => PushFilter
  /** A fresh context for each execution, with a request id of its own. */
  readonly createContext: (viewer: Viewer) => GraphQLContext
  readonly log: Pick<Logger, 'error'>
  /** Milliseconds, monotonic. */
  readonly now?: () => number
}

/** An accepted subscription: it has its position, and gets what follows once somebody reads it. */
export interface PushSubscription {
  read(reader: PushReader): PushMember
}

export interface SubscribeRequest {
  readonly operation: Operation
  readonly viewer: Viewer
  /** Where to start when the operation does not say `since`. */
  readonly resumeFrom?: string | undefined
}

/** `imagePushed` for any number of subscribers, at the cost of one for each distinct operation and viewer. */
export interface PushHub extends Disposable {
  /**
   * Undefined for operations that do not subscribe to `imagePushed`. Without a cursor the position is now.
   * Throws what `filterOf` throws, INVALID for what is no cursor, or selects nothing, and CursorExpiredError.
   */
  subscribe(request: SubscribeRequest): PushSubscription | undefined
  /** Subscriptions that are read now. */
  readonly size: number
}

export function createPushHub({
  pushes,
  filterOf,
  createContext,
  log,
  now = () => performance.now(),
}: PushHubOptions): PushHub {
  const source = new PushSource(pushes)
  const groups = new Map<string, PushGroup>()
  const renderings = new Renderings(now)
  let turn: NodeJS.Immediate | undefined

  // pushes of the same moment make one turn
  const stop = pushes.onBell(() => {
    turn ??= setImmediate(follow)
  })

  function follow(): void {
    turn = undefined
    if (groups.size === 0) return
    try {
      if (!source.advance()) return
    } catch (error) {
      // readers must not wait for what cannot be read
      for (const [key, group] of groups) {
        groups.delete(key)
        group.end(error)
      }
      return
    }
    for (const group of groups.values()) group.wake()
  }

  async function render(subscription: RootSubscription, viewer: Viewer, push: Push): Promise<PushResult> {
    const contextValue = createContext(viewer)
    const report = { requestId: contextValue.requestId, log }
    const result = await execute({ ...subscription.operation, rootValue: push, contextValue })
    const { data, errors } = maskResult(result, report)
    const payload = errors ? { data, errors: errors.map(formatError) } : { data }
    return {
      sequence: push.sequence,
      cursor: pushes.cursor(push.sequence),
      json: Buffer.from(JSON.stringify(payload)),
    }
  }

  function groupOf(subscription: RootSubscription, viewer: Viewer, filter: PushFilter): PushGroup {
    const key = `${JSON.stringify(viewer.id)}${subscription.key}`
    const known = groups.get(key)
    if (known) return known
    if (groups.size === 0) source.reset()
    const group = new PushGroup({
      source,
      filter,
      render: (push) => renderings.get(`${push.sequence}${key}`, () => render(subscription, viewer, push)),
      mask: (error) => maskError(error, { requestId: createContext(viewer).requestId, log }),
      onEmpty: () => groups.delete(key),
    })
    groups.set(key, group)
    return group
  }

  return {
    subscribe({ operation, viewer, resumeFrom }) {
      const subscription = readSubscription(operation, 'imagePushed', 'since')
      if (!subscription) return undefined
      const filter = filterOf(subscription.args as PushArguments)
      const position = positionOf(pushes, subscription.args.since ?? resumeFrom)
      return { read: (reader) => groupOf(subscription, viewer, filter).join(reader, position) }
    },

    get size() {
      let size = 0
      for (const group of groups.values()) size += group.size
      return size
    },

    [Symbol.dispose]() {
      stop()
      clearImmediate(turn)
    },
  }
}

function positionOf(pushes: PushLog, cursor: unknown): number {
  if (cursor === undefined || cursor === null) return pushes.head()
  try {
    return pushes.position(String(cursor))
  } catch (error) {
    if (!(error instanceof InvalidCursorError)) throw error
    throw new GraphQLError(error.message, { extensions: { code: error.code, field: 'since' } })
  }
}
