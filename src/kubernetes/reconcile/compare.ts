import type { KubernetesClient } from '../client/kubernetes-client.ts'
import type { KubernetesObject } from '../client/object.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { OBSERVED_KINDS } from '../cluster/kinds.ts'
import type { ImageLinks } from '../observe/links.ts'
import { versionOf } from '../observe/version.ts'
import type { WorkloadCondition } from '../observe/workload.ts'
import type { ContainerRow, SpecifiedContainer, WorkloadRow } from '../observe/workload-rows.ts'
import { containersOf } from '../workload/containers.ts'
import { replacedBy } from '../workload/contested.ts'
import { desiredChanges } from '../workload/desired-changes.ts'
import type { DesiredImages } from '../workload/image-change.ts'
import { sourceText } from '../workload/image-trigger.ts'
import { WORKLOAD_KINDS, type WorkloadKind } from '../workload/kinds.ts'
import { startBuild } from '../workload/start-build.ts'
import { updateImages } from '../workload/update-images.ts'
import { afterReplacement, applied, type Contest, isContested, MAX_REVERTS } from './contest.ts'
import { type ImageOfTag, SourceImages } from './source-images.ts'

/** What a comparison found, and did. */
export interface Comparison {
  readonly conditions: readonly Omit<WorkloadCondition, 'since'>[]
  /** Null if the object no longer exists. */
  readonly containers: readonly SpecifiedContainer[] | null
  /** What is now known of the images that were set, by container. */
  readonly contests: ReadonlyMap<string, Contest>
  /** As `versionOf` of the object after it; undefined if it is not known. */
  readonly version?: string | null
}

export interface CompareDependencies {
  readonly imageOf: ImageOfTag
  readonly linkOf: ImageLinks['linkOf']
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A workload with triggers, in a cluster that can be reached. */
interface Compared {
  readonly cluster: Cluster
  readonly client: KubernetesClient
  readonly workload: Pick<WorkloadRow, 'namespace' | 'kind' | 'name'>
  readonly containers: readonly ContainerRow[]
}

/**
 * Compares an object with the tags that its triggers name, and sets all images that differ by one request, or starts a build.
 * Rejects with KubernetesError for a failure after which the caller tries again.
 */
export const compare = (
  compared: Compared,
  dependencies: CompareDependencies,
  signal: AbortSignal,
): Promise<Comparison> =>
  compared.workload.kind === 'BuildConfig'
    ? compareBuild(compared, dependencies, signal)
    : compareImages(compared, dependencies, signal)

async function compareImages(
  { cluster, client, workload, containers: known }: Compared,
  { imageOf, linkOf, now }: CompareDependencies,
  signal: AbortSignal,
): Promise<Comparison> {
  const sources = new SourceImages(cluster, workload.namespace, imageOf)
  let contests = new Map<string, Contest>()
  const decide = (object: KubernetesObject, kind: WorkloadKind): DesiredImages => {
    const desired = desiredChanges(object, sources.resolve)
    contests = new Map(
      desired.changes.map(({ container, to }) => {
        const before = known.find(({ name }) => name === container.name) ?? applied('')
        const manager = replacedBy(object, { kind, container, set: to })
        return [container.name, afterReplacement(before, { image: to, manager, now: now() })] as const
      }),
    )
    const isOpen = ({ container, to }: DesiredImages['changes'][number]): boolean =>
      !isContested(contests.get(container.name) ?? applied(to), to)
    return { ...desired, changes: desired.changes.filter(isOpen) }
  }
  const { object, changes, conditions } = await updateImages(client, workload, { decide, signal })
  if (object === null) return { conditions, containers: null, contests: new Map() }
  const isSet = new Set(changes.map(({ container }) => container.name))
  // a replacement counts once its image is set again, or is not set any more
  const counted = [...contests].filter(
    ([name, { revertCount }]) => isSet.has(name) || revertCount >= MAX_REVERTS,
  )
  const kind = OBSERVED_KINDS.find((one) => one.kind === workload.kind)
  const mayUse = (namespace: string): boolean => sources.isOpen(namespace)
  return {
    conditions: [...sources.explain(conditions), ...contestedConditions(counted)],
    containers: specifiedContainers(object, sources, (image) => linkOf(image, [], mayUse)),
    contests: new Map(counted),
    ...(kind && { version: versionOf(object, kind) }),
  }
}

const contestedConditions = (contests: readonly (readonly [string, Contest])[]): Comparison['conditions'] =>
  contests
    .filter(([, { revertCount }]) => revertCount >= MAX_REVERTS)
    .map(([container, { appliedImage, revertedBy }]) => ({
      reason: 'CONTESTED',
      message: `${revertedBy} has replaced the image ${appliedImage} of the container "${container}" ${MAX_REVERTS} times within an hour, and it is no longer set`,
      remedy: `let ${revertedBy} leave the image alone (of Argo CD: ignoreDifferences with RespectIgnoreDifferences=true), then call resumeWorkload`,
      fieldPath: null,
    }))

/** Returns the containers of an object, with the tags that its triggers name for them. */
function specifiedContainers(
  object: KubernetesObject,
  sources: SourceImages,
  linkOf: (image: string) => SpecifiedContainer['link'],
): SpecifiedContainer[] {
  const kind = WORKLOAD_KINDS.get(String(object.kind))
  if (!kind) return []
  // with the text of each tag in place of its image, all containers that triggers set have a change
  const { changes } = desiredChanges(object, (source) => {
    sources.resolve(source)
    return sourceText(source)
  })
  const followed = new Map(changes.map(({ container, to }) => [container.name, sources.named.get(to)]))
  return containersOf(object, kind).map(({ name, image }) => {
    const link = followed.get(name)
    return { name, image, link: link ?? linkOf(image), isFollowing: link !== undefined }
  })
}

async function compareBuild(
  { cluster, client, workload }: Compared,
  { imageOf }: CompareDependencies,
  signal: AbortSignal,
): Promise<Comparison> {
  const sources = new SourceImages(cluster, workload.namespace, imageOf)
  const { conditions } = await startBuild(client, workload, { resolve: sources.resolve, signal })
  const isGone = conditions.some(({ reason }) => reason === 'NOT_FOUND') && sources.named.size === 0
  const containers = [...sources.named].map(([name, link]) => ({
    name,
    image: imageOf(link) ?? '',
    link,
    isFollowing: true,
  }))
  return {
    conditions: sources.explain(conditions),
    containers: isGone ? null : containers,
    contests: new Map(),
  }
}
