import type { GraphQLResolveInfo } from 'graphql'
import { groupBy } from '../../input/maps.ts'
import type { KeysetPage } from '../../input/page.ts'
import { loadForBatch, loadForGroup } from './batch.ts'
import {
  after,
  Connection,
  type ConnectionArguments,
  type Cursors,
  type MaybePromise,
  pageOf,
} from './connection.ts'

/** Rows that one statement reads: a millisecond or two. */
const MAX_ROWS = 1_000

interface Owner {
  readonly id: number
}

/** A list of which each owner has its own: the tags of an image, the imports of a stream. */
interface OwnedList<One extends Owner, Row> {
  /** Unique among the lists of one type of owner, filters included. */
  readonly name: string
  readonly cursors: Cursors<Row>
  /** Reads a page for each of these owners at once. */
  readonly rows: (
    ownerIds: number[],
    page: KeysetPage,
    owners: readonly One[],
  ) => MaybePromise<readonly Row[]>
  readonly ownerIdOf: (row: Row) => number | null | undefined
  /** Returns the length of the whole list by owner id, without the owners whose list is empty. */
  readonly counts: (ownerIds: number[]) => MaybePromise<ReadonlyMap<number, number>>
  /** The nodes of the first page of one item, where they are known without a read. */
  readonly newest?: () => readonly Row[]
}

/** Returns a page of an owner's list. Rows and counts are read once for the owner's batch. Throws InvalidInputError. */
export function ownedConnection<One extends Owner, Row>(
  owner: One,
  args: ConnectionArguments,
  info: GraphQLResolveInfo,
  { name, cursors, rows, ownerIdOf, counts, newest }: OwnedList<One, Row>,
): Connection<Row> {
  const page = pageOf(args, cursors, info)
  const isNewest = page.limit === 1 && !page.after && !page.before && !page.fromEnd
  return new Connection({
    page,
    cursors,
    rows: () => {
      const most = Math.max(1, Math.floor(MAX_ROWS / page.limit))
      const found = loadForGroup(owner, { name: `${name} ${JSON.stringify(page)}`, most }, (owners) =>
        after(rows(idsOf(owners), page, owners), (all) => groupBy(all, ownerIdOf)),
      )
      return after(found, (byOwner) => byOwner.get(owner.id) ?? [])
    },
    ...(newest && isNewest && { nodes: newest }),
    totalCount: () => {
      const found = loadForBatch(owner, `${name} count`, (owners) => counts(idsOf(owners)))
      return after(found, (byOwner) => byOwner.get(owner.id) ?? 0)
    },
  })
}

const idsOf = (owners: readonly Owner[]): number[] => owners.map(({ id }) => id)
