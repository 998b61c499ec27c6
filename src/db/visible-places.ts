import { literalRange } from '../input/glob.ts'
import { groupBy } from '../input/maps.ts'
import type { Database } from './open.ts'
import { type Criterion, criterion } from './search.ts'
import type { ValueSteps } from './value-steps.ts'

// Which streams a viewer may see is a set of places: a namespace, or `*`, and a pattern over names. Each distinct set is
// stored once, as a scope, in temporary tables of the connection. Statements join them by the number of the scope, which is
// a bound parameter: with thousands of namespaces each row costs one lookup by key. `visible_namespaces` has the namespaces
// of a set without `*`, each with the range of names that its patterns can match, to read the visible rows alone.

/** Streams of a namespace, or of all with `*`, whose names match the pattern, in which `*` stands for any characters. */
export interface VisiblePlace {
  readonly namespace: string
  readonly pattern: string
}

/** A stored set of places. */
export interface Scope {
  readonly id: number
  /** Number of its namespaces; null where one of its places is in all of them. */
  readonly namespaces: number | null
  /** Whether the places are whole namespaces. */
  readonly isWhole: boolean
}

const ANY = '*'
/** Text that is higher than every name: names are printable ASCII. */
const HIGHEST = '\x7f'
const ALL_NAMES = ['', HIGHEST] as const

/** The last number that a connection gave to a scope: none is used twice, also where a scope has no places. */
const lastNumbers = new WeakMap<Database, number>()

/** Creates the scopes of one connection. */
export function createScopes(db: Database) {
  const insertPlaces = db.prepare(
    'insert or ignore into visible_places (scope, namespace, pattern) select ?, value ->> 0, value ->> 1 from json_each(?)',
  )
  const insertNamespaces = db.prepare(
    `insert into visible_namespaces (scope, namespace, low, high)
     select ?, value ->> 0, value ->> 1, value ->> 2 from json_each(?)`,
  )
  const remove = ['visible_places', 'visible_namespaces'].map((table) =>
    db.prepare(`delete from ${table} where scope = ?`),
  )
  return {
    /** Stores a set of places. */
    add(places: readonly VisiblePlace[]): Scope {
      const id = (lastNumbers.get(db) ?? 0) + 1
      lastNumbers.set(db, id)
      insertPlaces.run(id, JSON.stringify(places.map(({ namespace, pattern }) => [namespace, pattern])))
      const byNamespace = groupBy(places, ({ namespace }) => namespace)
      const isBounded = !byNamespace.has(ANY)
      if (isBounded) {
        const ranges = [...byNamespace].map(([namespace, own]) => [namespace, ...rangeOf(own)])
        insertNamespaces.run(id, JSON.stringify(ranges))
      }
      return {
        id,
        namespaces: isBounded ? byNamespace.size : null,
        isWhole: places.every(({ pattern }) => pattern === ANY),
      }
    },
    /** Drops a scope: its holders see nothing. All scopes end with the connection. */
    drop({ id }: Scope): void {
      if (!db.isOpen()) return
      for (const statement of remove) statement.run(id)
    },
  }
}

/**
 * Creates steps through the namespaces of the scope that has the fewest of them, not all of which may have something visible;
 * undefined where each scope has a place in all namespaces.
 */
export function createNamespaceSteps(db: Database) {
  const step = (condition: string, direction: 'asc' | 'desc') =>
    db.prepare<{ namespace: string }>(
      `select namespace from visible_namespaces where scope = ? and namespace ${condition}
       order by namespace ${direction} limit 1`,
    )
  const [next, previous, equal] = [step('> ?', 'asc'), step('< ?', 'desc'), step('= ?', 'asc')]
  return ({ scopes }: { readonly scopes: readonly Scope[] }): ValueSteps | undefined => {
    const scope = narrowest(scopes)
    return (
      scope && {
        next: (namespace) => next.get(scope.id, namespace)?.namespace,
        previous: (namespace = HIGHEST) => previous.get(scope.id, namespace)?.namespace,
        has: (namespace) => equal.get(scope.id, namespace) !== undefined,
      }
    )
  }
}

/** Returns the scope that has the fewest namespaces; undefined where each has a place in all namespaces. */
export const narrowest = (scopes: readonly Scope[]): Scope | undefined =>
  scopes
    .filter(({ namespaces }) => namespaces !== null)
    .reduce<Scope | undefined>(
      (least, one) => (least && Number(least.namespaces) <= Number(one.namespaces) ? least : one),
      undefined,
    )

/** Returns the range of names, without its end, that has all names which one of the patterns matches. */
function rangeOf(places: readonly VisiblePlace[]): readonly [low: string, high: string] {
  const ranges = places.map(({ pattern }) => literalRange(pattern) ?? ALL_NAMES)
  const [lows, highs] = [ranges.map(([low]) => low), ranges.map(([, high]) => high)]
  return [lows.sort()[0] ?? '', highs.sort().at(-1) ?? '']
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

/** Returns the criteria that rows are of streams in each of the scopes; none when everything is visible. */
export const visibleStreams = (
  { scopes }: { readonly scopes: readonly Scope[] },
  { namespace, name }: StreamColumns,
): Criterion[] =>
  scopes.map(({ id }) =>
    criterion(
      `exists (select 1 from visible_places v
         where v.scope = ? and v.namespace in (${namespace}, '*') and ${name} glob v.pattern)`,
      [id],
    ),
  )

/** Returns the criteria that rows are of namespaces with a visible stream, or with room for one. */
export const visibleNamespaces = (
  { scopes }: { readonly scopes: readonly Scope[] },
  namespace: string,
): Criterion[] =>
  scopes.map(({ id }) =>
    criterion(
      `exists (select 1 from visible_places v where v.scope = ? and v.namespace in (${namespace}, '*'))`,
      [id],
    ),
  )
