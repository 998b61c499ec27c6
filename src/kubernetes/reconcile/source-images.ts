import { isStreamName, type StreamName } from '../../oci/stream-name.ts'
import { isTagName, type TagName } from '../../oci/tag.ts'
import { type Cluster, isOpenTo } from '../cluster/cluster.ts'
import type { WorkloadCondition } from '../observe/workload.ts'
import { type SourceTag, sourceText } from '../workload/image-trigger.ts'

/** A tag of a stream. */
export interface FollowedTag {
  readonly stream: StreamName
  readonly tag: TagName
}

/** Returns the pull spec that workloads get for a tag, by its reference policy; undefined if the tag has no image. */
export type ImageOfTag = (tag: FollowedTag) => string | undefined

type Problem = Omit<WorkloadCondition, 'since'>

/** Returns the tag that a trigger names; undefined for a name that no tag can have. */
export function streamTagOf({ namespace, name }: SourceTag): FollowedTag | undefined {
  const colon = name.indexOf(':')
  const [stream, tag] = [name.slice(0, colon), name.slice(colon + 1)]
  return isStreamName(namespace, stream) && isTagName(tag)
    ? { stream: { namespace, name: stream }, tag }
    : undefined
}

/** The images of the tags that triggers of one object name. */
export class SourceImages {
  /** The tags that were asked for, by their text. */
  readonly named = new Map<string, FollowedTag>()
  readonly #closed = new Set<string>()
  /** Reports whether workloads may use the streams of a namespace. */
  readonly isOpen: (namespace: string) => boolean
  readonly #imageOf: ImageOfTag

  constructor(cluster: Pick<Cluster, 'openings'>, clusterNamespace: string, imageOf: ImageOfTag) {
    this.isOpen = (namespace) => isOpenTo(cluster, clusterNamespace, namespace)
    this.#imageOf = imageOf
  }

  /** Returns the image of a tag; undefined if it has none, or is in a namespace that the cluster is not opened to. */
  readonly resolve = (source: SourceTag): string | undefined => {
    const named = streamTagOf(source)
    if (!named) return undefined
    if (!this.isOpen(source.namespace)) {
      this.#closed.add(sourceText(source))
      return undefined
    }
    this.named.set(sourceText(source), named)
    return this.#imageOf(named)
  }

  /** Returns the problems, where a tag of a closed namespace is one of its own. */
  explain(problems: readonly Problem[]): Problem[] {
    return problems.map((problem) => {
      const closed = [...this.#closed].find((text) => problem.message.includes(` ${text} `))
      if (problem.reason !== 'TAG_UNKNOWN' || closed === undefined) return problem
      return {
        ...problem,
        reason: 'NOT_OPENED',
        message: `the cluster is not opened to the namespace of the tag ${closed}`,
        remedy: 'a server admin can open it with updateCluster(openings:)',
      }
    })
  }
}
