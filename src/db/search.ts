import type { Database } from './open.ts'
import type { Parameter } from './statement.ts'

// Rows of a table that meet several criteria, in an order that has an index.
//
// Each criterion can be seen from two sides. From its index side it tells which rows meet it, in no useful order; from
// its probe side whether one row does, by a look at the row or at one key. Neither is good alone: what all rows meet is
// a long list to put in order for one page, and what no row meets is found out by probing every row. So a bounded count
// decides. Where a criterion is met by few rows, these are read by its index and put in order; where every criterion is
// met by many, the rows are read in order, by the order's index, until a page is full. Either way every row is probed
// for every criterion: the index side only says where to look.

/** Part of a statement, with the values of its question marks. */
export interface Sql {
  readonly text: string
  readonly values: readonly Parameter[]
}

export interface Criterion {
  /** A condition on one row: its columns, or a row of another table that a key finds. */
  readonly probe: Sql
  /**
   * Each a `select` of one column `id`: the rows that meet the criterion by an index, perhaps with others, and any of
   * them more than once. None where only probing tells.
   */
  readonly ids: readonly Sql[]
}

/** So many rows are read and put in order at once; measured, that takes as long as probing a few thousand. */
export const FEW = 250

/** Ids of all rows that may meet the criteria, where the index of one of them shows that there are few. */
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

/** What every row that is found is probed for. */
export function probes(criteria: readonly Criterion[]): { where: string[]; values: Parameter[] } {
  return {
    where: criteria.map(({ probe }) => probe.text),
    values: criteria.flatMap(({ probe }) => probe.values),
  }
}

/** Values of a column, and the table that has it. */
export interface ColumnValues {
  readonly table: string
  readonly column: string
  /** The index of the column, then of the row's owner. Said, and not left to the planner, which knows no sizes. */
  readonly index: string
  /** A `select` of one column `value`. */
  readonly wanted: Sql
}

/**
 * The owners of rows that have one of the values, for each value by leaping in the index from one owner to the next:
 * what an owner has many of is passed over.
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

/** Every value of a column, by leaping in an index that begins with it. */
export const everyValue = (table: string, column: string): string =>
  `with recursive every (value) as (
     select min(${column}) from ${table} where ${column} is not null
     union all
     select (select min(${column}) from ${table} where ${column} > every.value) from every where value is not null)
   select value from every where value is not null`
