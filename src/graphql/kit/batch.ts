import { inBatches } from '../../concurrency/yielding.ts'
import { groupBy } from '../../input/maps.ts'

/** Objects that one statement read, and the values that were loaded for all of them since. */
interface Batch {
  readonly items: readonly object[]
  readonly loaded: Map<string, unknown>
}

// a property, not a WeakMap: lists have thousands of rows, and each entry of a WeakMap costs the garbage collector time
const BATCH = Symbol('batch')

interface BatchItem {
  [BATCH]?: Batch
}

/** Objects of one batch: a statement for more of them would take longer than other clients should wait. */
const MAX_ITEMS = 500

/**
 * Marks objects as one batch and returns them, of a long list as several. The first of them that needs a further value by
 * `loadForBatch` loads it for all: a list costs one statement for each selected field, without an analysis of the selection.
 */
export function batch<Item extends object>(items: readonly Item[]): readonly Item[] {
  for (const some of inBatches(items, MAX_ITEMS)) {
    const shared: Batch = { items: some, loaded: new Map() }
    for (const item of some) (item as BatchItem)[BATCH] = shared
  }
  return items
}

/** Returns the result of `load` for the batch of this object. `load` runs once for each batch and `name`. */
export function loadForBatch<Item extends object, Loaded>(
  item: Item,
  name: string,
  load: (items: readonly Item[]) => Loaded,
): Loaded {
  const shared = (item as BatchItem)[BATCH] ?? batchOfOne(item)
  if (!shared.loaded.has(name)) shared.loaded.set(name, load(shared.items as readonly Item[]))
  return shared.loaded.get(name) as Loaded
}

/** Returns the result of `load` for a group of at most `most` objects of the batch of this object, which is one of them. */
export function loadForGroup<Item extends object, Loaded>(
  item: Item,
  { name, most }: { readonly name: string; readonly most: number },
  load: (items: readonly Item[]) => Loaded,
): Loaded {
  const { items } = (item as BatchItem)[BATCH] ?? batchOfOne(item)
  if (items.length <= most) return loadForBatch(item, name, load)
  const places = loadForBatch(item, 'places', (all) => new Map(all.map((one, at) => [one, at])))
  const group = Math.floor((places.get(item) ?? 0) / most)
  return loadForBatch(item, `${name} ${group}`, (all) => load(all.slice(group * most, (group + 1) * most)))
}

interface Identified {
  readonly id: number
}

const idsOf = (items: readonly Identified[]): number[] => items.map(({ id }) => id)

/** Returns the value for this object's id. `load` gets the ids of the batch, once for each `name`. */
export const loadById = <Item extends Identified, Value>(
  item: Item,
  name: string,
  load: (ids: number[]) => ReadonlyMap<number, Value>,
): Value | undefined => loadForBatch(item, name, (items) => load(idsOf(items))).get(item.id)

/**
 * Returns the rows that have this object's id in a property. `load` gets the ids of the batch; its rows are one batch.
 */
export const loadRows = <Key extends string, Row extends { readonly [K in Key]: number }>(
  owner: Identified,
  name: string,
  ownerId: Key,
  load: (ids: number[]) => readonly Row[],
): readonly Row[] =>
  loadForBatch(owner, name, (owners) =>
    groupBy(batch(load(idsOf(owners))), (row): number => row[ownerId]),
  ).get(owner.id) ?? []

/**
 * Returns the object to which a property of this one refers; undefined for null. `load` gets the distinct ids to which the
 * batch refers.
 */
export function loadReferred<Key extends string, Referred>(
  item: { readonly [K in Key]: number | null },
  name: string,
  property: Key,
  load: (ids: number[]) => ReadonlyMap<number, Referred>,
): Referred | undefined {
  const id = item[property]
  if (id === null) return undefined
  return loadForBatch(item, name, (items) =>
    load([...new Set(items.flatMap((one) => one[property] ?? []))]),
  ).get(id)
}

/** Marks the values of a map as one batch and returns the map. */
export function batchValues<Key, Value extends object>(
  values: ReadonlyMap<Key, Value>,
): ReadonlyMap<Key, Value> {
  batch([...values.values()])
  return values
}

/** Stores a value for the batch that `loadForBatch` would have to load: for example the owner of a list's rows. */
export function prime(items: readonly object[], name: string, loaded: unknown): void {
  const first: BatchItem | undefined = items[0]
  first?.[BATCH]?.loaded.set(name, loaded)
}

/** Bytes or characters that one statement reads, or those of one object. */
const PART_SIZE = 256 * 1024

/** The size of an object's content in bytes or characters. */
interface ContentSize {
  readonly id: number
  readonly size: number
}

/** Objects whose contents are read together. */
interface Part<Content> {
  readonly ids: number[]
  size: number
  contents: ReadonlyMap<number, Content> | undefined
  /** Objects whose content was used once. */
  readonly used: Set<number>
}

/** How long contents are read; objects without one are missing. */
interface ContentRead<Content> {
  readonly name: string
  readonly sizes: (ids: readonly number[]) => readonly ContentSize[]
  readonly read: (ids: readonly number[]) => ReadonlyMap<number, Content>
}

/**
 * Returns the content of an object, read in parts of its batch. The operation pays for a part before it is read, and for each
 * further use of an object's.
 */
export function loadPaid<Content extends { readonly length: number }>(
  work: { spend(bytes: number): void },
  object: { readonly id: number },
  { name, sizes, read }: ContentRead<Content>,
): Content | undefined {
  const part = loadById(object, `${name} parts`, (ids) => partsOf<Content>(sizes(ids)))
  if (!part) return undefined
  if (!part.contents) {
    work.spend(part.size)
    part.contents = read(part.ids)
  }
  const content = part.contents.get(object.id)
  // the text or the parsed content of another field, or of another owner of this object
  if (content && part.used.has(object.id)) work.spend(content.length)
  part.used.add(object.id)
  return content
}

function partsOf<Content>(sizes: readonly ContentSize[]): ReadonlyMap<number, Part<Content>> {
  const parts = new Map<number, Part<Content>>()
  let part: Part<Content> | undefined
  for (const { id, size } of sizes) {
    if (!part || part.size + size > PART_SIZE)
      part = { ids: [], size: 0, contents: undefined, used: new Set() }
    part.ids.push(id)
    part.size += size
    parts.set(id, part)
  }
  return parts
}

function batchOfOne(item: BatchItem): Batch {
  const shared: Batch = { items: [item], loaded: new Map() }
  item[BATCH] = shared
  return shared
}
