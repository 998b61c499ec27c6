import type { Viewer } from '../../access/right/viewer.ts'
import type { SortColumn } from '../../db/page.ts'
import { type Criterion, FEW, type Sql } from '../../db/search.ts'
import type { Parameter } from '../../db/statement.ts'
import { columnsOfStream, narrowest, type Scope, visibleStreams } from '../../db/visible-places.ts'
import type { KeysetPage, PageKey } from '../../input/page.ts'

/** Streams in order of namespace and name, as a table `s` of a statement. */
export interface StreamRange {
  readonly from: string
  /** Values of the question marks of `from`. */
  readonly ids: readonly Parameter[]
  readonly where: readonly Sql[]
  /** Returns conditions that bound a page in the tables before `s`. */
  readonly bounds: (page: Pick<KeysetPage, 'after' | 'before'>) => readonly Sql[]
  readonly columns: readonly SortColumn[]
}

const BY_NAME = 'image_streams s indexed by image_streams_by_name'

/** All streams that exist. */
export const ALL_STREAMS: StreamRange = {
  from: BY_NAME,
  ids: [],
  where: [],
  bounds: () => [],
  columns: [{ column: 's.namespace' }, { column: 's.name' }],
}

/**
 * Returns what the streams that the viewer sees are read by, in a namespace or in all: `range` in order of namespace and
 * name, which has no stream of a namespace without a visible place, and the criteria to check on each stream `s` of it;
 * `ofAll` are those to check on any stream.
 */
export function visibleStreamsBy({ rights }: Viewer, namespace?: string) {
  if (namespace !== undefined && rights.mayInNamespace('view', namespace)) {
    return { range: ALL_STREAMS, ofRange: [], ofAll: [], foundBy: () => [] }
  }
  const columns = columnsOfStream('s')
  const scope = narrowest(rights.scopes)
  const ofAll = visibleStreams(rights, columns)
  const others = rights.scopes.filter((one) => !(one === scope && one.isWhole))
  return {
    range: scope ? rangeOf(scope, namespace) : ALL_STREAMS,
    ofRange: visibleStreams({ scopes: others }, columns),
    ofAll,
    /** Returns `ofAll` with the ids of the streams, by an index by namespace, where these may be few. */
    foundBy: (index: string, condition: string): Criterion[] =>
      ofAll.map((one) => ({
        ...one,
        ids: scope && mayBeFew(scope, namespace) ? [idsOf(scope, namespace, { index, condition })] : [],
      })),
  }
}

/** Reports whether the viewer sees so few namespaces that the streams of all may be few. */
export function seesFewNamespaces({ rights }: Viewer): boolean {
  const scope = narrowest(rights.scopes)
  return scope !== undefined && mayBeFew(scope)
}

/** Each namespace has a stream or more. */
const mayBeFew = ({ namespaces }: Scope, namespace?: string): boolean =>
  namespace !== undefined || (namespaces ?? 0) <= FEW

const VISIBLE = 's.namespace = v.namespace and s.name >= v.low and s.name < v.high'

const scoped = ({ id }: Scope, namespace: string | undefined): Sql =>
  namespace === undefined
    ? { text: 'v.scope = ?', values: [id] }
    : { text: 'v.scope = ? and v.namespace = ?', values: [id, namespace] }

function rangeOf(scope: Scope, namespace: string | undefined): StreamRange {
  return {
    from: `visible_namespaces v cross join ${BY_NAME} on ${VISIBLE}`,
    ids: [],
    where: [scoped(scope, namespace)],
    bounds: ({ after, before }) => [
      ...(after ? [boundOf(after, '>=', 'v.low')] : []),
      ...(before ? [boundOf(before, '<=', 'v.high')] : []),
    ],
    columns: [{ column: 'v.namespace' }, { column: 's.name' }],
  }
}

/** Returns the condition that skips the namespaces outside of a page, and the names of the namespace in which it begins. */
const boundOf = ([namespace = '', name = '']: PageKey, operator: '>=' | '<=', otherwise: string): Sql => ({
  text: `v.namespace ${operator} ? and s.name ${operator} iif(v.namespace = ?, ?, ${otherwise})`,
  values: [namespace, namespace, name],
})

const idsOf = (
  scope: Scope,
  namespace: string | undefined,
  { index, condition }: { readonly index: string; readonly condition: string },
): Sql => {
  const { text, values } = scoped(scope, namespace)
  return {
    text: `select s.id from visible_namespaces v cross join image_streams s indexed by ${index} on ${VISIBLE} where ${text} and ${condition}`,
    values,
  }
}
