import type { TagName } from '../../oci/tag.ts'

/** The tags of a spec by name, in its order. */
export interface SpecTags<Content> extends Iterable<readonly [TagName, Content]> {
  get(name: TagName): Content | undefined
  has(name: TagName): boolean
  keys(): Iterable<TagName>
}

/** Tags by name; null for those that are removed. */
type TagChanges<Content> = ReadonlyMap<TagName, Content | null>

/** The tags of a stored stream: reads one tag, or all of them in their order. */
export interface StoredTags<Content> {
  readonly streamId: number
  one(name: TagName): Content | undefined
  all(): Iterable<readonly [TagName, Content]>
}

/**
 * The tags of a stored stream, and changes of them. A tag is read when it is needed, so that a change of one tag costs the same
 * in a stream of ten tags and in one of ten thousand.
 */
class StoredSpecTags<Content> implements SpecTags<Content> {
  readonly stored: StoredTags<Content>
  readonly changes: TagChanges<Content>

  constructor(stored: StoredTags<Content>, changes: TagChanges<Content> = new Map()) {
    this.stored = stored
    this.changes = changes
  }

  get(name: TagName): Content | undefined {
    const change = this.changes.get(name)
    return change === undefined ? this.stored.one(name) : (change ?? undefined)
  }

  has(name: TagName): boolean {
    return this.get(name) !== undefined
  }

  *[Symbol.iterator](): Generator<readonly [TagName, Content]> {
    const added = new Map(this.changes)
    for (const [name, content] of this.stored.all()) {
      const change = added.get(name)
      added.delete(name)
      if (change !== null) yield [name, change ?? content]
    }
    for (const [name, content] of added) if (content !== null) yield [name, content]
  }

  *keys(): Generator<TagName> {
    for (const [name] of this) yield name
  }
}

/** Returns the tags of a stored stream. */
export const storedSpecTags = <Content>(stored: StoredTags<Content>): SpecTags<Content> =>
  new StoredSpecTags(stored)

/** Returns a copy with changed tags; new ones are the last. */
export function withTags<Content>(tags: SpecTags<Content>, changes: TagChanges<Content>): SpecTags<Content> {
  if (tags instanceof StoredSpecTags) {
    return new StoredSpecTags(tags.stored, new Map([...tags.changes, ...changes]))
  }
  const changed = new Map(tags)
  for (const [name, content] of changes) {
    if (content === null) changed.delete(name)
    else changed.set(name, content)
  }
  return changed
}

export const withTag = <Content>(
  tags: SpecTags<Content>,
  name: TagName,
  content: Content,
): SpecTags<Content> => withTags(tags, new Map([[name, content]]))

/** Returns the names of the only tags that may differ between two states of one stored stream; undefined if any may. */
export function changedNames<Content>(
  before: SpecTags<Content>,
  after: SpecTags<Content>,
): TagName[] | undefined {
  if (!(before instanceof StoredSpecTags && after instanceof StoredSpecTags)) return undefined
  if (before.stored.streamId !== after.stored.streamId) return undefined
  return [...new Map([...before.changes, ...after.changes]).keys()]
}
