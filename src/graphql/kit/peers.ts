/** Objects that one statement read together, and what has been read for all of them since. */
interface Group {
  readonly items: readonly object[]
  readonly loaded: Map<string, unknown>
}

// a property and not a WeakMap: lists have thousands of rows, and each entry of a WeakMap is work for the collector
const GROUP = Symbol('read together with')

interface Gathered {
  [GROUP]?: Group
}

/**
 * Marks objects as read together. The first of them that asks for something more by `loadTogether` reads it for all:
 * a list costs one statement for each kind of field that is selected, and no look at the selection.
 */
export function gather<Item extends object>(items: readonly Item[]): readonly Item[] {
  const group: Group = { items, loaded: new Map() }
  for (const item of items) (item as Gathered)[GROUP] = group
  return items
}

/** What `load` gives for all objects that were read together with this one; called once for each `what`. */
export function loadTogether<Item extends object, Loaded>(
  item: Item,
  what: string,
  load: (items: readonly Item[]) => Loaded,
): Loaded {
  const group = (item as Gathered)[GROUP] ?? alone(item)
  if (!group.loaded.has(what)) group.loaded.set(what, load(group.items as readonly Item[]))
  return group.loaded.get(what) as Loaded
}

/** Gives the objects what would otherwise have to be read: their owner, say, which they were reached through. */
export function prime(items: readonly object[], what: string, loaded: unknown): void {
  const first: Gathered | undefined = items[0]
  first?.[GROUP]?.loaded.set(what, loaded)
}

function alone(item: Gathered): Group {
  const group: Group = { items: [item], loaded: new Map() }
  item[GROUP] = group
  return group
}
