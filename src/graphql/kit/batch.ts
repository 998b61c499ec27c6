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

/**
 * Marks objects as one batch and returns them. The first of them that needs a further value by `loadForBatch` loads it
 * for all: a list costs one statement for each selected field, without an analysis of the selection.
 */
export function batch<Item extends object>(items: readonly Item[]): readonly Item[] {
  const shared: Batch = { items, loaded: new Map() }
  for (const item of items) (item as BatchItem)[BATCH] = shared
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

/** Stores a value for the batch that `loadForBatch` would have to load: for example the owner of a list's rows. */
export function prime(items: readonly object[], name: string, loaded: unknown): void {
  const first: BatchItem | undefined = items[0]
  first?.[BATCH]?.loaded.set(name, loaded)
}

function batchOfOne(item: BatchItem): Batch {
  const shared: Batch = { items: [item], loaded: new Map() }
  item[BATCH] = shared
  return shared
}
