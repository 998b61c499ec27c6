import { and, eq, isNull, sql } from 'drizzle-orm'
import { sees, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { imageStreams, specTags } from '../../db/tables/index.ts'
import { formatStreamTag, type StreamTag } from '../spec/tag-source.ts'

/**
 * Maximum number of tags that a tag follows, directly and through others: each is a step of a write, and each move of the first
 * one moves all of them. OpenShift has no maximum.
 */
export const MAX_FOLLOWED = 50

/** Chains of tags: the number of tags that each one follows, a cycle with each of its tags once, or a chain that is too long. */
type Chains =
  | { readonly depths: number[] }
  | { readonly cycle: readonly StreamTag[] }
  | { readonly tooLong: readonly StreamTag[] }

/**
 * Returns a function for the chains of tags that follow one another in the specs; a tag follows at most one other. It
 * returns the number of tags that each tag follows, directly and through others, so that sources have lower numbers than
 * their followers. Or it returns a cycle that one of the tags leads into, or the longest part of a chain of more tags than the
 * limit that one of them is in, followers first.
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

  // a follower that was written too is the same row, so that each tag is read once
  const tooDeep = db.prepare<StreamTag>(`
    with recursive follower (namespace, stream, tag, depth) as (
      select value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each(?)
      union
      select s.namespace, s.name, p.name, f.depth + 1 from follower f
        join spec_tags p on p.follows_namespace = f.namespace and p.follows_stream = f.stream and p.follows_tag = f.tag
        join image_streams s on s.id = p.stream_id
      where f.depth <= ?)
    select namespace, stream, tag from follower where depth > ? limit 1`)

  return (tags: readonly StreamTag[], limit: number): Chains => {
    const depthOf = createDepths(sourceOf, limit)
    const depths: number[] = []
    for (const tag of tags) {
      const depth = depthOf(tag)
      if (typeof depth !== 'number') return depth
      depths.push(depth)
    }
    if (limit === Number.POSITIVE_INFINITY) return { depths }
    const seeds = tags.map(({ namespace, stream, tag }, at) => [namespace, stream, tag, depths[at]])
    const last = tooDeep.get(JSON.stringify(seeds), limit, limit)
    const found = last && createDepths(sourceOf, limit)(last)
    return typeof found === 'object' ? found : { depths }
  }
}

/** Returns a function for the depth of a tag, the cycle that it leads into, or its chain if that is too long. Each tag is read once. */
function createDepths(sourceOf: (tag: StreamTag) => StreamTag | undefined, limit: number) {
  const known = new Map<string, number>()
  return (start: StreamTag): number | Exclude<Chains, { depths: number[] }> => {
    const path = new Map<string, StreamTag>()
    let at: StreamTag | undefined = start
    let key = formatStreamTag(start)
    while (at && !known.has(key)) {
      if (path.has(key)) return { cycle: [...path.values()].slice([...path.keys()].indexOf(key)) }
      path.set(key, at)
      if (path.size > limit + 1) return { tooLong: [...path.values()] }
      at = sourceOf(at)
      if (at) key = formatStreamTag(at)
    }
    let depth = at ? (known.get(key) ?? 0) + 1 : 0
    if (at && depth + path.size > limit + 1) return { tooLong: [...path.values(), at] }
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
