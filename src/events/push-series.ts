import type { Rights } from '../access/right/rights.ts'
import { inBatches, turnToRead } from '../concurrency/yielding.ts'
import type { Database } from '../db/open.ts'
import type { Statement } from '../db/statement.ts'
import { narrowest } from '../db/visible-places.ts'
import { isGlob, literalRange, matchesGlob } from '../input/glob.ts'
import type { Interval, PushFilter } from './push-filter.ts'

/** A key of an index: a tag, or the namespace and name of a stream. */
type Key = string | readonly [namespace: string, name: string]

/** The pushes of some streams, or of some tags: an index has those of each in the order of the log. */
export interface PushSeries {
  /** Returns at most so many sequences inside the interval, in no order. */
  sequences(interval: Interval, most: number, signal?: AbortSignal): Promise<number[]>
}

/** Keys of a statement, and steps from one key to the next, between two turns: each takes a few microseconds. */
const KEYS = 200
/** Most keys of a series: beyond them the log itself is read. */
const MAX_KEYS = 10_000
/** Rows of the log that can be read in the time of one step from a key to the next. */
const ROWS_A_STEP = 50
const MIN_STEPS = 1_000

// Two indexes serve every combination of criteria. The index of streams begins with the namespace, and lists its streams by
// name: a namespace, a name and a pattern each select some of its keys, which are found by jumping from key to key. An index
// for each criterion would be written with each push.
const NEXT_NAMESPACE = 'select min(namespace) as value from push_log where namespace >= ?'
const NEXT_STREAM =
  'select min(image_stream_name) as value from push_log where namespace = ? and image_stream_name >= ?'
const NEXT_TAG = 'select min(tag) as value from push_log where tag >= ?'
const OF_STREAM = `json_each(?) k cross join push_log p indexed by push_log_by_stream
  on p.namespace = k.value ->> 0 and p.image_stream_name = k.value ->> 1`
const OF_TAG = 'json_each(?) k cross join push_log p indexed by push_log_by_tag on p.tag = k.value'

type NextKey = Statement<{ value: string | null }>

/** After all names and tags, which are printable ASCII. */
const END = '\x7f'
/** Before all characters of names and tags. */
const START = '\x01'

/**
 * Yields each step through the distinct values of an index that the pattern may match: the value, or null for one that does
 * not match. The statement has the scope's values first, then the lowest value to return.
 */
function* steps(
  next: NextKey,
  pattern: string | undefined,
  ...scope: readonly string[]
): Generator<string | null> {
  const [from, to] = (pattern && literalRange(pattern)) || ['', END]
  for (let at = from; ; ) {
    const value = next.get(...scope, at)?.value ?? END
    if (value >= to) return
    yield pattern === undefined || matchesGlob(pattern, value) ? value : null
    // one name or tag at most
    if (pattern !== undefined && !isGlob(pattern)) return
    at = value + START
  }
}

export function createPushSeries(db: Database) {
  const nextNamespace: NextKey = db.prepare(NEXT_NAMESPACE)
  const nextStream: NextKey = db.prepare(NEXT_STREAM)
  const nextTag: NextKey = db.prepare(NEXT_TAG)
  const visible = db.prepare<{ namespace: string }>(
    'select namespace from visible_namespaces where scope = ? order by namespace',
  )

  /** Yields the namespaces that may have visible streams. */
  function namespacesOf({ scopes }: Rights): Iterable<string | null> {
    const scope = narrowest(scopes)
    return scope ? visible.all(scope.id).map(({ namespace }) => namespace) : steps(nextNamespace, undefined)
  }

  function* streamKeys(rights: Rights, { namespace, imageStream }: PushFilter): Generator<Key | null> {
    for (const one of namespace === undefined ? namespacesOf(rights) : [namespace]) {
      if (one === null) continue
      // a namespace without such a stream is a step too
      yield null
      for (const name of steps(nextStream, imageStream, one)) {
        yield name !== null && rights.may('view', { namespace: one, name }) ? [one, name] : null
      }
    }
  }

  /** Returns the keys; undefined when they are too many, or take too many steps to find. */
  const collect = async (
    all: Generator<Key | null>,
    maxSteps: number,
    signal: AbortSignal | undefined,
  ): Promise<readonly Key[] | undefined> => {
    const keys: Key[] = []
    let taken = 0
    for (const key of all) {
      if (key !== null) keys.push(key)
      if (keys.length > MAX_KEYS || ++taken > maxSteps) return undefined
      if (taken % KEYS === 0) await turnToRead(signal)
    }
    return keys
  }

  const seriesOf = (from: string, keys: readonly Key[]): PushSeries => {
    const read = db.prepare<{ sequence: number }>(
      `select p.sequence from ${from} where p.sequence > ? and p.sequence < ? limit ?`,
    )
    return {
      async sequences({ after, before }, most, signal) {
        const found: number[] = []
        for (const some of inBatches(keys, KEYS)) {
          await turnToRead(signal)
          const rows = read.all(JSON.stringify(some), after, before, most - found.length)
          for (const { sequence } of rows) found.push(sequence)
          if (found.length >= most) break
        }
        return found
      },
    }
  }

  /** Returns the series that each have all visible pushes which meet the filter; `rows` is the length of the log. */
  return async (
    rights: Rights,
    filter: PushFilter,
    { rows, signal }: { readonly rows: number; readonly signal?: AbortSignal | undefined },
  ): Promise<PushSeries[]> => {
    const maxSteps = Math.max(MIN_STEPS, rows / ROWS_A_STEP)
    const series: PushSeries[] = []
    if (filter.namespace !== undefined || filter.imageStream !== undefined || rights.scopes.length > 0) {
      const keys = await collect(streamKeys(rights, filter), maxSteps, signal)
      if (keys) series.push(seriesOf(OF_STREAM, keys))
    }
    if (filter.tag !== undefined) {
      const keys = await collect(steps(nextTag, filter.tag), maxSteps, signal)
      if (keys) series.push(seriesOf(OF_TAG, keys))
    }
    return series
  }
}
