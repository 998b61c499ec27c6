import type { Database } from './open.ts'
import { type Criterion, criterion } from './search.ts'

// Which streams a viewer may see is a set of places: a namespace, or `*`, and a pattern over names. Each distinct set is
// stored once, as a scope, in a temporary table of the connection. Statements join it by the number of the scope, which is a
// bound parameter: with thousands of namespaces each row costs one lookup by key.

/** Streams of a namespace, or of all with `*`, whose names match the pattern, in which `*` stands for any characters. */
export interface VisiblePlace {
  readonly namespace: string
  readonly pattern: string
}

/** The scopes of one connection. */
export type Scopes = ReturnType<typeof createScopes>

export function createScopes(db: Database) {
  const insert = db.prepare(
    'insert or ignore into visible_places (scope, namespace, pattern) select ?, value ->> 0, value ->> 1 from json_each(?)',
  )
  const remove = db.prepare('delete from visible_places where scope = ?')
  let last = 0
  return {
    /** Stores a set of places and returns the number of its scope. */
    add(places: readonly VisiblePlace[]): number {
      last += 1
      insert.run(last, JSON.stringify(places.map(({ namespace, pattern }) => [namespace, pattern])))
      return last
    },
    /** Drops a scope: its holders see nothing. */
    drop: (scope: number): void => void remove.run(scope),
  }
}

/** Columns of the statement that have the names of a stream. */
export interface StreamColumns {
  readonly namespace: string
  readonly name: string
}

/** Returns the columns of the stream's table under an alias. */
export const columnsOfStream = (alias: string): StreamColumns => ({
  namespace: `${alias}.namespace`,
  name: `${alias}.name`,
})

/**
 * Returns the criteria that rows are of streams in each of the scopes; none when everything is visible. A bounded set of
 * places selects its streams by their index, if the rows are the streams themselves.
 */
export const visibleStreams = (
  { scopes }: { readonly scopes: readonly number[] },
  { namespace, name }: StreamColumns,
): Criterion[] =>
  scopes.map((scope) =>
    criterion(
      `exists (select 1 from visible_places v
         where v.scope = ? and v.namespace in (${namespace}, '*') and ${name} glob v.pattern)`,
      [scope],
    ),
  )

/** Returns the criteria that rows are of namespaces with a visible stream, or with room for one. */
export const visibleNamespaces = (
  { scopes }: { readonly scopes: readonly number[] },
  namespace: string,
): Criterion[] =>
  scopes.map((scope) =>
    criterion(
      `exists (select 1 from visible_places v where v.scope = ? and v.namespace in (${namespace}, '*'))`,
      [scope],
    ),
  )
