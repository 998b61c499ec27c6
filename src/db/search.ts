import { and, type SQL, sql } from 'drizzle-orm'
import type { Database } from './open.ts'
import type { Parameter } from './statement.ts'

// Search for the rows of a table that meet several criteria, in an order that has an index.
//
// Each criterion has two access paths. Its index returns the rows that meet it, in no useful order. Its probe checks one
// row, by the row itself or by one key of another table. Neither suffices alone: a criterion that most rows meet yields
// a long list to sort for one page, and one that no row meets makes a scan probe every row. A bounded count decides:
// - when few rows meet a criterion, they are read by its index and sorted;
// - when many rows meet every criterion, rows are read in order, by the order's index, until the page is full.
// Either way each row is probed for every criterion: the index only selects candidates.

/** Part of an SQL statement, with the values of its question marks. */
export interface Sql {
  readonly text: string
  readonly values: readonly Parameter[]
}

/** A condition on rows, with its two access paths. */
export interface Criterion {
  /** A condition on one row: on its columns, or on a row of another table found by a key. */
  readonly probe: Sql
  /**
   * Statements that select one column `id` by an index: all rows that meet the criterion, possibly with other rows and
   * with duplicates. Empty when no index exists.
   */
  readonly ids: readonly Sql[]
}

/** Returns a criterion of a probe with its values, and of the statements of its index. */
export const criterion = (text: string, values: readonly Parameter[], ...ids: readonly Sql[]): Criterion => ({
  probe: { text, values },
  ids,
})

/** Patterns that SQLite's `glob` reads as `matchesGlob` does, and whose stars and length do not multiply its time. */
const SIMPLE_GLOB = /^(?=.{0,20}$)[\w./-]*(?:\*+[\w./-]*){0,2}$/

/**
 * Returns the condition that a column matches a pattern, which is its parameter. Uses no index. `glob` takes a third of the
 * time of the SQL function.
 */
export const matchesColumn = (column: string, pattern: string): string =>
  SIMPLE_GLOB.test(pattern) ? `+${column} glob ?` : `matches_glob(?, ${column})`

/** Rows that are sorted for one page; by measurement this takes as long as probing a few thousand rows. */
export const FEW = 250

/** Returns the ids of all rows that can meet the criteria; undefined when no index shows that they are few. */
export function fewIds(db: Database, criteria: readonly Criterion[]): readonly number[] | undefined {
  let fewest: readonly number[] | undefined
  for (const { text, values } of criteria.flatMap(({ ids }) => ids)) {
    const bound = fewest?.length ?? FEW + 1
    const ids = db
      .prepare<{ id: number }>(`select distinct id from (${text}) limit ?`)
      .all(...values, bound)
      .map(({ id }) => id)
    if (ids.length < bound) fewest = ids
  }
  return fewest
}

/** Returns the conditions of all probes, for the `where` clause. */
export function probes(criteria: readonly Criterion[]): { where: string[]; values: Parameter[] } {
  return {
    where: criteria.map(({ probe }) => probe.text),
    values: criteria.flatMap(({ probe }) => probe.values),
  }
}

/** Returns the condition of all probes for a statement of Drizzle; undefined for no criteria. */
export const conditionOf = (criteria: readonly Criterion[]): SQL | undefined =>
  and(
    ...criteria.map(({ probe: { text, values } }) =>
      sql.join(
        text
          .split('?')
          .flatMap((part, at) => (at === 0 ? [sql.raw(part)] : [sql`${values[at - 1]}`, sql.raw(part)])),
      ),
    ),
  )

/** Values to find in a column. */
export interface ColumnValues {
  readonly table: string
  readonly column: string
  /** The index on the column and the row's owner; named here, because the planner has no statistics. */
  readonly index: string
  /** A statement that selects one column `value`. */
  readonly wanted: Sql
}

/**
 * Returns a statement that selects the owners of rows with one of the values. A loose index scan: it jumps from one
 * owner to the next, and so skips the other rows of an owner.
 */
export function ownersOf({ table, column, index, wanted }: ColumnValues, owner: string): Sql {
  const next = `select min(${owner}) from ${table} indexed by ${index} where ${column}`
  return {
    text: `with recursive wanted (value) as (${wanted.text}),
      leap (value, id) as (
        select value, (${next} = wanted.value) from wanted
        union all
        select value, (${next} = leap.value and ${owner} > leap.id) from leap where id is not null)
      select id from leap where id is not null`,
    values: wanted.values,
  }
}

/** Returns a statement that selects the distinct values of a column, by a loose index scan of an index that begins with it. */
export const everyValue = (table: string, column: string): string =>
  `with recursive every (value) as (
     select min(${column}) from ${table} where ${column} is not null
     union all
     select (select min(${column}) from ${table} where ${column} > every.value) from every where value is not null)
   select value from every where value is not null`
