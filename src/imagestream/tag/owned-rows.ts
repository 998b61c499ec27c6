import type { Database } from '../../db/open.ts'
import { pageOfEach, type SortColumn } from '../../db/page.ts'
import type { Parameter } from '../../db/statement.ts'
import type { KeysetPage } from '../../input/page.ts'

/** Rows of a table, and the column with the id of their owner. */
interface OwnedRows {
  readonly table: 'tags' | 'spec_tags' | 'tag_events' | 'imports' | 'import_schedules' | 'reported_moves'
  readonly owner: string
  readonly id?: 'id' | 'rowid'
}

const NEWEST_FIRST: readonly SortColumn[] = [{ column: 'id', descending: true }]

/** Returns a page of the rows of each owner, with these columns of `t`; by default newest first, with the keys [id]. */
export function pageOfOwners<Row>(
  db: Database,
  {
    columns,
    order = NEWEST_FIRST,
    ...rows
  }: OwnedRows &
    Pick<Parameters<typeof pageOfEach>[2], 'where' | 'values'> & {
      columns: string
      order?: readonly SortColumn[]
    },
  ids: readonly number[],
  page: KeysetPage,
): Row[] {
  const { from, orderBy, parameters, inOrder } = pageOfEach(page, order, rows)
  return inOrder(
    db.prepare<Row>(`select ${columns} from ${from} order by ${orderBy}`).all(...parameters(ids)),
  )
}

/**
 * Returns the number of rows of each owner that meet the conditions, whose parameters are `values`. Owners without such
 * rows are missing. `by` is the column that the ids are values of; by default the owner's.
 */
export const countsByOwner = (
  db: Database,
  { table, owner, by = owner, conditions = [] }: OwnedRows & { by?: string; conditions?: readonly string[] },
  ids: readonly number[],
  ...values: readonly Parameter[]
): Map<number, number> =>
  new Map(
    db
      .prepare<{ owner: number; total: number }>(
        `select ${owner} as owner, count(*) as total from ${table}
         where ${[`${by} in (select value from json_each(?))`, ...conditions].join(' and ')} group by ${owner}`,
      )
      .all(JSON.stringify(ids), ...values)
      .map(({ owner: id, total }) => [id, total]),
  )
