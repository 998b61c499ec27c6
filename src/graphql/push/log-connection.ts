import type { GraphQLResolveInfo } from 'graphql'
import { InvalidCursorError } from '../../events/cursor.ts'
import type { EntryRange } from '../../events/entry-reads.ts'
import type { LogEntry } from '../../events/log-entry.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { batch } from '../kit/batch.ts'
import { Connection, type ConnectionArguments, type Cursors, pageOf } from '../kit/connection.ts'
import type { GraphQLContext } from '../kit/context.ts'

/** Returns the position of a client's cursor. Throws InvalidInputError, CursorExpiredError. */
function positionOf(cursor: string, field: string, { changeLog }: GraphQLContext): number {
  try {
    return changeLog.position(cursor)
  } catch (error) {
    if (error instanceof InvalidCursorError)
      throw new InvalidInputError(field, error.message, { cause: error })
    throw error
  }
}

interface LogArguments extends ConnectionArguments {
  readonly since?: string | null | undefined
}

/**
 * Returns a page of the log, whose entries `find` reads in a range. Its cursors are those of subscriptions. Rejects with
 * InvalidInputError, CursorExpiredError.
 */
export async function logConnection<Entry extends LogEntry>(
  { since, ...args }: LogArguments,
  context: GraphQLContext,
  info: GraphQLResolveInfo,
  find: (range: Omit<EntryRange, 'filter'>) => Promise<Entry[]>,
): Promise<Connection<Entry>> {
  const { changeLog } = context
  const cursors: Cursors<Entry> = {
    encode: ({ sequence }) => changeLog.cursor(sequence),
    decode: (cursor, field) => [positionOf(cursor, field, context)],
  }
  const page = pageOf(args, cursors, info)
  const floor = Math.max(
    since == null ? 0 : positionOf(since, 'since', context),
    Number(page.after?.[0] ?? 0),
  )
  // an entry that commits while the log is read comes after the page
  const end = page.before ? Number(page.before[0]) - 1 : changeLog.head()
  const found = await find({
    after: floor,
    before: end + 1,
    descending: page.fromEnd ?? false,
    limit: page.peek === false ? page.limit : page.limit + 1,
  })
  // entries after the cursor may have been removed while the log was read
  if (since != null || page.after) changeLog.checkPosition(floor)
  const rows = batch(page.fromEnd ? found.reverse() : found)
  return new Connection({
    page,
    cursors,
    rows: () => rows,
    // clients with an empty page can still subscribe from a cursor: the last position that was read
    emptyCursor: () => changeLog.endCursor(context.viewer, Math.max(floor, end)),
    totalCount: () => 0,
  })
}
