import { type GraphQLResolveInfo, Kind } from 'graphql'
import { InvalidInputError } from '../../input/errors.ts'
import type { KeysetPage, PageKey } from '../../input/page.ts'
import { checkRange } from '../../input/range.ts'
import { parseJson } from '../../oci/json.ts'

/** Items of a page when neither `first` nor `last` is given. */
export const DEFAULT_PAGE_SIZE = 50
export const MAXIMUM_PAGE_SIZE = 500

export interface ConnectionArguments {
  readonly first?: number | null | undefined
  readonly after?: string | null | undefined
  readonly last?: number | null | undefined
  readonly before?: string | null | undefined
}

export interface PageInfo {
  readonly hasNextPage: boolean
  readonly hasPreviousPage: boolean
  readonly startCursor: string | null
  readonly endCursor: string | null
}

export interface Edge<Node> {
  readonly node: Node
  readonly cursor: string
}

/** Encoder and decoder of the cursors of one kind of connection. */
export interface Cursors<Node> {
  encode(node: Node): string
  /** Throws InvalidInputError, with the argument as `field`, unless the text is a cursor of this kind. */
  decode(cursor: string, field: string): PageKey
}

/** Type of one part of a sort key. */
export type KeyPart = 'string' | 'number'

const isKeyPart = (value: unknown, part: KeyPart | undefined): value is string | number =>
  part === 'number' ? Number.isSafeInteger(value) : typeof value === part

/**
 * Returns cursors that hold the sort key of a node: a row number by default. `kind` distinguishes them from the cursors
 * of another connection or order.
 */
export const keyCursors = <Node>(
  kind: string,
  keyOf: (node: Node) => PageKey,
  parts: readonly KeyPart[] = ['number'],
): Cursors<Node> => ({
  encode: (node) => Buffer.from(JSON.stringify([kind, ...keyOf(node)])).toString('base64url'),
  decode(cursor, field) {
    const [name, ...key] = parseArray(cursor)
    const isKey = key.length === parts.length && key.every((value, at) => isKeyPart(value, parts[at]))
    if (name !== kind || !isKey) {
      throw new InvalidInputError(
        field,
        `"${field}" is not a cursor of this connection: use a cursor from its pageInfo or edges`,
      )
    }
    return key as PageKey
  },
})

const parseArray = (cursor: string): unknown[] => {
  const value = parseJson(Buffer.from(cursor, 'base64url'))
  return Array.isArray(value) ? value : []
}

interface SelectedPage extends KeysetPage {
  /** Whether the operation does not set the size. */
  readonly hasDefaultSize: boolean
}

/** Returns the page that the arguments select. Throws InvalidInputError. */
export function pageOf<Node>(
  { first, after, last, before }: ConnectionArguments,
  cursors: Pick<Cursors<Node>, 'decode'>,
  info: GraphQLResolveInfo,
): SelectedPage {
  if (first != null && last != null) {
    throw new InvalidInputError('last', 'give either "first" or "last", not both')
  }
  const hasDefaultSize = first == null && last == null
  return {
    hasDefaultSize,
    limit: sizeOf('first', first) ?? sizeOf('last', last) ?? DEFAULT_PAGE_SIZE,
    peek: hasDefaultSize || maySelectPageInfo(info),
    after: after == null ? undefined : cursors.decode(after, 'after'),
    before: before == null ? undefined : cursors.decode(before, 'before'),
    fromEnd: last != null,
  }
}

// with a size, only pageInfo needs the row after the page; a fragment may select it
const maySelectPageInfo = ({ fieldNodes }: GraphQLResolveInfo): boolean =>
  fieldNodes.some(({ selectionSet }) =>
    selectionSet?.selections.some(
      (selection) => selection.kind !== Kind.FIELD || selection.name.value === 'pageInfo',
    ),
  )

const sizeOf = (field: 'first' | 'last', size: number | null | undefined): number | undefined =>
  size == null ? undefined : checkRange(field, size, 1, MAXIMUM_PAGE_SIZE)

/** A value, or a promise for one that is read in parts. */
export type MaybePromise<Value> = Value | Promise<Value>

/** Returns the result of `next` for the value, at once unless it is a promise. */
export const after = <Value, Result>(
  value: MaybePromise<Value>,
  next: (value: Value) => Result,
): MaybePromise<Result> => (value instanceof Promise ? value.then(next) : next(value))

export interface ConnectionSource<Node> {
  readonly page: SelectedPage
  /** Returns the page's nodes in order, and one more where the list continues: after them, or before them with `fromEnd`. */
  readonly rows: () => MaybePromise<readonly Node[]>
  /** Returns the page's nodes alone, where they are known without reading the rows. */
  readonly nodes?: () => readonly Node[]
  readonly cursors: Pick<Cursors<Node>, 'encode'>
  /** Returns the end cursor of an empty page, where the list may grow after it. */
  readonly emptyCursor?: () => string
  /** Returns the length of the whole list; called only when the operation selects it. */
  readonly totalCount: () => MaybePromise<number>
}

interface PageReader<Node> extends Pick<ConnectionSource<Node>, 'totalCount'> {
  readonly cursors: Cursors<Node>
  /** Reads as `ConnectionSource.rows`. */
  readonly rows: (page: KeysetPage) => MaybePromise<readonly Node[]>
}

/** Returns the page of a list that the arguments select, read when it is needed. Throws InvalidInputError. */
export function connection<Node>(
  args: ConnectionArguments,
  info: GraphQLResolveInfo,
  { cursors, rows, totalCount }: PageReader<Node>,
): Connection<Node> {
  const page = pageOf(args, cursors, info)
  return new Connection({ page, cursors, rows: () => rows(page), totalCount })
}

/** A page of a list. Fields that the operation does not select are neither computed nor read. */
export class Connection<Node> {
  readonly #source: ConnectionSource<Node>
  #rows: MaybePromise<readonly Node[]> | undefined
  #truncation: 'found' | 'taken' | undefined

  constructor(source: ConnectionSource<Node>) {
    this.#source = source
  }

  get nodes(): MaybePromise<readonly Node[]> {
    return this.#source.nodes ? this.#source.nodes() : after(this.#allRows(), (rows) => this.#pageOf(rows))
  }

  get edges(): MaybePromise<Edge<Node>[]> {
    const { cursors } = this.#source
    return after(this.nodes, (nodes) =>
      nodes.map((node) => ({
        node,
        get cursor() {
          return cursors.encode(node)
        },
      })),
    )
  }

  get pageInfo(): MaybePromise<PageInfo> {
    const { page, cursors, emptyCursor } = this.#source
    return after(this.#allRows(), (rows) => {
      const nodes = this.#pageOf(rows)
      const hasMore = rows.length > page.limit
      const first = nodes[0]
      const last = nodes.at(-1)
      return {
        // past the other end, at least the item of the cursor exists
        hasNextPage: page.fromEnd ? page.before !== undefined : hasMore,
        hasPreviousPage: page.fromEnd ? hasMore : page.after !== undefined,
        startCursor: first === undefined ? null : cursors.encode(first),
        endCursor: last === undefined ? (emptyCursor?.() ?? null) : cursors.encode(last),
      }
    })
  }

  get totalCount(): MaybePromise<number> {
    return this.#source.totalCount()
  }

  /** Reports once whether the page, whose items were read, leaves items out although the operation sets no size. */
  takeTruncation(): boolean {
    if (this.#truncation !== 'found') return false
    this.#truncation = 'taken'
    return true
  }

  #pageOf(rows: readonly Node[]): readonly Node[] {
    const { limit, fromEnd, hasDefaultSize } = this.#source.page
    if (rows.length <= limit) return rows
    this.#truncation ??= hasDefaultSize ? 'found' : undefined
    return fromEnd ? rows.slice(-limit) : rows.slice(0, limit)
  }

  #allRows(): MaybePromise<readonly Node[]> {
    this.#rows ??= this.#source.rows()
    return this.#rows
  }
}
