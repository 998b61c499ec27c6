import { SYSTEM } from '../access/right/viewer.ts'
import { systemClock } from '../concurrency/clock.ts'
import type { Egress } from '../egress/egress.ts'
import type { KubernetesView } from '../graphql/kit/context.ts'
import { pullSpecOf } from '../imagestream/spec/pull-spec.ts'
import { type ClusterAction, createClusterActions } from '../kubernetes/action/actions.ts'
import type { ActionOutcome } from '../kubernetes/action/outcome.ts'
import { type ActionRehearsal, createClusterRehearsals } from '../kubernetes/action/rehearse.ts'
import { createKubernetesClient } from '../kubernetes/client/client.ts'
import type { ClusterConnection } from '../kubernetes/client/connection.ts'
import { parseKubeconfig } from '../kubernetes/client/kubeconfig.ts'
import { SERVICE_ACCOUNT_FOLDER, serviceAccountConnection } from '../kubernetes/client/service-account.ts'
import type { Cluster } from '../kubernetes/cluster/cluster.ts'
import { createClusters } from '../kubernetes/cluster/clusters.ts'
import { createContacts } from '../kubernetes/cluster/contact.ts'
import { createImageLinks } from '../kubernetes/observe/links.ts'
import { createObservers, type Observers } from '../kubernetes/observe/observers.ts'
import { createWorkloadFigures } from '../kubernetes/observe/workload-figures.ts'
import { createWorkloadReads } from '../kubernetes/observe/workload-reads.ts'
import { createWorkloadRows } from '../kubernetes/observe/workload-rows.ts'
import { createDueRows } from '../kubernetes/reconcile/due-rows.ts'
import { createReconciler } from '../kubernetes/reconcile/reconciler.ts'
import { createResumeWorkload } from '../kubernetes/reconcile/resume.ts'
import type { ImageOfTag } from '../kubernetes/reconcile/source-images.ts'
import { startTagMoves } from '../kubernetes/reconcile/tag-moves.ts'
import type { Digest } from '../oci/digest.ts'
import { repositoryPathOf } from '../oci/repository-name.ts'
import type { StreamName } from '../oci/stream-name.ts'
import type { TagName } from '../oci/tag.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { Domain } from './domain.ts'
import type { SharedParts } from './parts.ts'
import { registryHostOf } from './registry.ts'

interface KubernetesParts extends SharedParts {
  readonly sealer: Sealer
  readonly egress: Egress
  readonly domain: Pick<Domain, 'streams' | 'tags' | 'changeLog'>
}

/** A tag that points to another image. */
interface TagMove extends TagImage {
  readonly namespace: string
  readonly imageStream: string
  readonly tag: TagName
}

/** Clusters and their workloads, joined. */
export interface KubernetesRooms {
  readonly view: KubernetesView
  /** Counts clusters and workloads, for metrics. */
  readonly figures: ReturnType<typeof createWorkloadFigures>
  /** What triggers do in clusters. */
  readonly act: (action: ClusterAction, move: TagMove, signal: AbortSignal) => Promise<ActionOutcome>
  /** What they would do. */
  readonly rehearse: (
    action: ClusterAction,
    move: TagMove,
    options: { readonly isContacted: boolean; readonly signal: AbortSignal },
  ) => Promise<ActionRehearsal>
  /** Starts to observe all clusters; called once the server listens. */
  start(): void
}

/** Name of the API server inside of each cluster. */
const OWN_CLUSTER = 'kubernetes.default.svc'

/** Joins clusters with their API servers, and with the streams whose images they run. */
export function openKubernetes(parts: KubernetesParts): KubernetesRooms {
  const { db, audit, sealer, egress, domain, now, log, opened } = parts
  const connectionOf = async (kubeconfig: string | null): Promise<ClusterConnection> =>
    kubeconfig === null
      ? serviceAccountConnection({ host: OWN_CLUSTER, port: undefined, folder: SERVICE_ACCOUNT_FOLDER })
      : parseKubeconfig(kubeconfig, { context: null, now: now() })
  const clusters = createClusters({
    db,
    sealer,
    audit,
    now,
    serverOf: async (kubeconfig) => (await connectionOf(kubeconfig)).server,
  })
  const connectTo = async (cluster: Cluster) =>
    createKubernetesClient(await connectionOf(clusters.kubeconfigOf(cluster)), {
      request: egress.request,
      now,
    })
  const contacts = createContacts({ clusters, connectTo })
  const registryHost = registryHostOf(parts)
  const links = createImageLinks({ db, isOwnRegistry: (registry) => registry === registryHost() })
  const rows = createWorkloadRows(db, now)
  const due = createDueRows(db, rows, now)
  const pullSpec = createPullSpecs(parts)
  const imageOf = imageOfTag(domain, pullSpec)
  const clusterNamed = (name: string) => clusters.byName(SYSTEM, name)
  const referenceOf = referenceOfMove(domain, pullSpec)
  const act = createClusterActions({ clusterNamed, connectTo })
  const rehearse = createClusterRehearsals({ clusterNamed, connectTo })
  const onError = (error: unknown): void => log.error({ err: error }, 'cannot reconcile workloads')
  const observers: Observers = opened.use(
    createObservers({
      db,
      clusters,
      contacts,
      rows,
      links,
      sleep: systemClock.sleep,
      random: Math.random,
      onDue: (clusterId) => reconciler.wake(clusterId),
      onError: (error) => log.error({ err: error }, 'cannot observe a cluster'),
    }),
  )
  const { linkOf } = links
  const { connected } = observers
  const reconciler = opened.use(createReconciler({ db, due, imageOf, linkOf, connected, now, onError }))
  // other openings may give other images
  clusters.onChanged(due.markCluster)
  const workloads = createWorkloadReads(db)
  const resumeWorkload = createResumeWorkload({ db, audit, workloads, due, onDue: reconciler.wake })
  return {
    view: { clusters, testCluster: contacts.test, workloads, resumeWorkload },
    figures: createWorkloadFigures(db, clusters),
    act: (action, move, signal) => act(action, referenceOf(move), signal),
    rehearse: (action, move, options) => rehearse(action, referenceOf(move), options),
    start(): void {
      const { changeLog } = domain
      opened.use(startTagMoves({ changeLog, due, imageOf, onDue: reconciler.wake, now, onError }))
      observers.start()
    },
  }
}

/** An image of a tag. */
interface TagImage {
  readonly digest: Digest
  /** Pull spec in the registry that it comes from. */
  readonly dockerImageReference: string
}

/** Returns a function for the pull spec of a tag's image: with the reference policy `Local`, of this server's registry. */
function createPullSpecs({ config, domain: { streams }, ...parts }: KubernetesParts) {
  const host = registryHostOf({ config, ...parts })
  return (stream: StreamName & { readonly id: number }, tag: TagName, image: TagImage): string => {
    const local = config.externalRegistry ? null : `${host()}/${repositoryPathOf(stream)}`
    return pullSpecOf(image, streams.specTag(stream.id, tag)?.referencePolicy, local)
  }
}

type PullSpecs = ReturnType<typeof createPullSpecs>

/** Returns a function for the pull spec that workloads get for a tag. */
const imageOfTag =
  ({ streams, tags }: KubernetesParts['domain'], pullSpec: PullSpecs): ImageOfTag =>
  ({ stream: { namespace, name }, tag: tagName }) => {
    const stream = streams.byName(SYSTEM, namespace, name)
    const [tag] = stream ? tags.named([stream.id], tagName) : []
    if (!stream || !tag?.image || tag.dockerImageReference === null) return undefined
    const { dockerImageReference } = tag
    return pullSpec(stream, tagName, { digest: tag.image.digest, dockerImageReference })
  }

/** Returns a function for a move with the pull spec that workloads get. */
const referenceOfMove =
  ({ streams }: KubernetesParts['domain'], pullSpec: PullSpecs) =>
  (move: TagMove): TagMove => {
    const stream = streams.byName(SYSTEM, move.namespace, move.imageStream)
    return stream ? { ...move, dockerImageReference: pullSpec(stream, move.tag, move) } : move
  }
