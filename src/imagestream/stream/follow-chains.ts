import type { Database } from '../../db/open.ts'
import type { TagName } from '../../oci/tag.ts'
import { formatStreamTag, type StreamTag } from '../spec/tag-source.ts'

/** What follows what, as the specs say now. A tag follows at most one other, so these are chains. */
export interface FollowChains {
  /**
   * How many tags each of these follows, directly and through others: sources have smaller numbers than what follows
   * them. Or the cycle that one of them leads into, without its first tag again at the end.
   */
  depths(tags: readonly StreamTag[]): { readonly depths: number[] } | { readonly cycle: StreamTag[] }
}

export function createFollowChains(db: Database): FollowChains {
  const followed = db.prepare<{ namespace: string | null; stream: string; tag: TagName }>(
    `select p.follows_namespace as namespace, p.follows_stream as stream, p.follows_tag as tag
     from image_streams s join spec_tags p on p.stream_id = s.id
     where s.namespace = ? and s.name = ? and p.name = ?`,
  )
  const sourceOf = ({ namespace, stream, tag }: StreamTag): StreamTag | undefined => {
    const row = followed.get(namespace, stream, tag)
    return row && row.namespace !== null ? { ...row, namespace: row.namespace } : undefined
  }

  return {
    depths(tags) {
      // each tag is looked up once, however many of these lead through it
      const known = new Map<string, number>()
      const depthOf = (start: StreamTag): number | StreamTag[] => {
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
      const depths: number[] = []
      for (const tag of tags) {
        const depth = depthOf(tag)
        if (typeof depth !== 'number') return { cycle: depth }
        depths.push(depth)
      }
      return { depths }
    },
  }
}

/** Tags of a cycle that a message names in full. */
const MAX_NAMED = 12

/** `a:1 → b:2 → a:1`; with namespaces where there are several. */
export function formatCycle(cycle: readonly StreamTag[]): string {
  const isOneNamespace = new Set(cycle.map(({ namespace }) => namespace)).size === 1
  const names = [...cycle, ...cycle.slice(0, 1)].map((tag) =>
    isOneNamespace ? `${tag.stream}:${tag.tag}` : formatStreamTag(tag),
  )
  const left = names.length - MAX_NAMED
  if (left > 0) names.splice(MAX_NAMED / 2, left, `… ${left} more …`)
  return names.join(' → ')
}
