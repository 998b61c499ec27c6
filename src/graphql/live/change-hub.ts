import { GraphQLError } from 'graphql'
import type { Logger } from 'pino'
import type { Authentication } from '../../access/authentication.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import type { ChangeLog } from '../../events/change-log.ts'
import { InvalidCursorError } from '../../events/cursor.ts'
import { type EntryFilter, isPush, type LogEntry } from '../../events/log-entry.ts'
import { resultText } from '../execute/data-text.ts'
import type { Execute } from '../execute/executor.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { formatResult, maskError, maskResult } from '../kit/errors.ts'
import { withTruncatedLists } from '../kit/truncated-lists.ts'
import { ChangeGroup } from './change-group.ts'
import type { ChangeMember, ChangeReader } from './change-members.ts'
import type { ChangeResult } from './change-page.ts'
import { ChangeTail } from './change-tail.ts'
import { createMemberships, type Membership, type Subscriber } from './memberships.ts'
import { RenderedChanges } from './rendered-changes.ts'
import { type Operation, type RootSubscription, readSubscription } from './subscription-operation.ts'

export type { ChangeMember, ChangeReader } from './change-members.ts'
export type { ChangePage } from './change-page.ts'

/** A subscription to the log: returns the filter of its arguments. Throws InvalidInputError. */
export type FilterOf = (args: Readonly<Record<string, unknown>>) => EntryFilter

export interface ChangeHubOptions {
  readonly changeLog: ChangeLog
  /** Renews the rights of the subscribers. */
  readonly authentication: Pick<Authentication, 'renew' | 'onChange'>
  /** By the name of each root field that subscribes to the log. */
  readonly fields: Readonly<Record<string, FilterOf>>
  /** Returns a new context for each execution, with a request id of its own. `connection` stands for the group of subscriptions. */
  readonly createContext: (viewer: Viewer, connection: object) => GraphQLContext
  readonly execute: Execute
  readonly log: Pick<Logger, 'error'>
  /** Receives the seconds from a change until its subscribers have got it; not from one before they were there. */
  readonly onDelivered?: (seconds: number) => void
  /** Returns milliseconds, monotonic; `performance.now` by default. */
  readonly now?: () => number
}

/** An accepted subscription. Its position is fixed, and its entries are sent once it has a reader. */
export interface ChangeSubscription {
  read(reader: ChangeReader): ChangeMember
}

export interface SubscribeRequest {
  readonly operation: Operation
  readonly viewer: Viewer
  /** Cursor of the start position, if the operation has no `since`. */
  readonly resumeFrom?: string | undefined
}

/** Executes subscriptions to the log for any number of subscribers, once for each distinct operation and set of rights. */
export type ChangeHub = ReturnType<typeof createChangeHub>

export function createChangeHub({
  changeLog,
  authentication,
  fields,
  createContext,
  execute,
  log,
  onDelivered = () => {},
  now = () => performance.now(),
}: ChangeHubOptions) {
  const source = new ChangeTail(changeLog)
  const groups = new Map<string, ChangeGroup<Membership>>()
  const rendered = new RenderedChanges(now)
  const mask = (error: unknown, viewer: Viewer): GraphQLError =>
    maskError(error, { requestId: createContext(viewer, {}).requestId, log })
  let turn: NodeJS.Immediate | undefined

  // entries of the same turn of the event loop are read together
  const stop = changeLog.onAppend(() => {
    turn ??= setImmediate(follow)
  })

  function follow(): void {
    turn = undefined
    if (groups.size === 0) return
    try {
      if (!source.advance()) return
    } catch (error) {
      // readers must not wait for a log that cannot be read
      for (const [key, group] of groups) {
        groups.delete(key)
        group.end(error)
      }
      return
    }
    for (const group of groups.values()) group.wake()
  }

  async function render(
    subscription: RootSubscription,
    viewer: Viewer,
    entry: LogEntry,
  ): Promise<ChangeResult> {
    const contextValue = createContext(viewer, subscription)
    const report = { requestId: contextValue.requestId, log }
    const { operation } = subscription
    const { work } = contextValue
    const executed = work.bound(execute({ ...operation, rootValue: entry, contextValue }))
    const result = await Promise.resolve(executed).finally(() => work.finish())
    const masked = maskResult(withTruncatedLists(result, contextValue), report)
    return {
      sequence: entry.sequence,
      recordedAt: isPush(entry) ? entry.pushedAt : entry.changedAt,
      cursor: changeLog.cursor(entry.sequence),
      json: Buffer.from(resultText(formatResult(masked))),
    }
  }

  function groupOf({ subscription, viewer, filter }: Subscriber): ChangeGroup<Membership> {
    const key = `${JSON.stringify(viewer.rights.key)}${subscription.key}`
    const existing = groups.get(key)
    if (existing) return existing
    if (groups.size === 0) source.reset()
    const group = new ChangeGroup<Membership>({
      source,
      viewer,
      filter,
      render: (entry) => rendered.get(`${entry.sequence}${key}`, () => render(subscription, viewer, entry)),
      mask: (error) => mask(error, viewer),
      onDelivered: (recordedAt) => onDelivered(Math.max(0, Date.now() - recordedAt) / 1000),
      onEmpty: () => groups.delete(key),
    })
    groups.set(key, group)
    return group
  }

  const memberships = createMemberships({ authentication, groupOf, mask })
  const ignoreChanges = authentication.onChange(() =>
    memberships.renew([...groups.values()].flatMap((group) => [...group])),
  )

  return {
    /**
     * Returns undefined for operations that do not subscribe to the log. Without a cursor, the position is the end
     * of the log. Throws InvalidInputError, CursorExpiredError, and a GraphQLError with code INVALID for text that is not
     * a cursor and for an operation that skips its root field.
     */
    subscribe({ operation, viewer, resumeFrom }: SubscribeRequest): ChangeSubscription | undefined {
      const subscription = readSubscription(operation, Object.keys(fields), 'since')
      const filterOf = subscription && fields[subscription.field]
      if (!filterOf) return undefined
      const filter = filterOf(subscription.args)
      const position = positionOf(changeLog, subscription.args.since ?? resumeFrom)
      return { read: (reader) => memberships.join(reader, position, { subscription, filter, viewer }) }
    },

    /** Number of subscriptions that have a reader. */
    get size(): number {
      let size = 0
      for (const group of groups.values()) size += group.size
      return size
    },

    [Symbol.dispose]() {
      stop()
      ignoreChanges()
      clearImmediate(turn)
    },
  }
}

function positionOf(changeLog: ChangeLog, cursor: unknown): number {
  if (cursor === undefined || cursor === null) return changeLog.head()
  try {
    return changeLog.position(String(cursor))
  } catch (error) {
    if (!(error instanceof InvalidCursorError)) throw error
    throw new GraphQLError(error.message, { extensions: { code: error.code, field: 'since' } })
  }
}
