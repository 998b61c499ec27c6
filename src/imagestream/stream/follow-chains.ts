import { and, eq, isNull, sql } from 'drizzle-orm'
import { sees, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { imageStreams, specTags } from '../../db/tables/index.ts'
import { formatStreamTag, type StreamTag } from '../spec/tag-source.ts'

/**
 * Returns a function for the chains of tags that follow one another in the specs; a tag follows at most one other. It
 * returns the number of tags that each tag follows, directly and through others, so that sources have lower numbers than
 * their followers. Or it returns a cycle that one of the tags leads into, with each of its tags once.
 */
export function createFollowChains(db: Database) {
  const followed = db.orm
    .select({
      namespace: specTags.followsNamespace,
      stream: specTags.followsStream,
      tag: specTags.followsTag,
    })
    .from(imageStreams)
    .innerJoin(specTags, eq(specTags.streamId, imageStreams.id))
    .where(
      and(
        eq(imageStreams.namespace, sql.placeholder('namespace')),
        eq(imageStreams.name, sql.placeholder('stream')),
        isNull(imageStreams.deletedAt),
        eq(specTags.name, sql.placeholder('tag')),
      ),
    )
    .prepare()
  const sourceOf = (follower: StreamTag): StreamTag | undefined => {
    const { namespace, stream, tag } = followed.get({ ...follower }) ?? {}
    return namespace && stream && tag ? { namespace, stream, tag } : undefined
  }

  return (tags: readonly StreamTag[]): { readonly depths: number[] } | { readonly cycle: StreamTag[] } => {
    const depthOf = createDepths(sourceOf)
    const depths: number[] = []
    for (const tag of tags) {
      const depth = depthOf(tag)
      if (typeof depth !== 'number') return { cycle: depth }
      depths.push(depth)
    }
    return { depths }
  }
}

/** Returns a function for the depth of a tag, or the cycle that it leads into. Each tag is read once. */
function createDepths(sourceOf: (tag: StreamTag) => StreamTag | undefined) {
  const known = new Map<string, number>()
  return (start: StreamTag): number | StreamTag[] => {
    const path = new Map<string, StreamTag>()
    let at: StreamTag | undefined = start
    let key = formatStreamTag(start)
    while (at && !known.has(key)) {
      if (path.has(key)) return [...path.values()].slice([...path.keys()].indexOf(key))
      path.set(key, at)
      at = sourceOf(at)
      if (at) key = formatStreamTag(at)
    }
    let depth = at ? (known.get(key) ?? 0) + 1 : 0
    for (const passed of [...path.keys()].reverse()) known.set(passed, depth++)
    return known.get(formatStreamTag(start)) ?? 0
  }
}

/** Maximum number of tags of a chain that a message names. */
const MAX_NAMED = 12

/** Formats tags as `a:1 → b:2 → a:1`; with namespaces where they differ, and without names that the viewer does not see. */
export function formatChain(viewer: Viewer, chain: readonly StreamTag[]): string {
  const seen = chain.filter(({ namespace, stream: name }) => sees(viewer, { namespace, name }))
  const isOneNamespace = new Set(seen.map(({ namespace }) => namespace)).size === 1
  const names = chain.map((tag) => {
    if (!seen.includes(tag)) return 'a tag of another stream'
    return isOneNamespace ? `${tag.stream}:${tag.tag}` : formatStreamTag(tag)
  })
  const left = names.length - MAX_NAMED
  if (left > 0) names.splice(MAX_NAMED / 2, left, `… ${left} more …`)
  return names.join(' → ')
}
