import type { AccessControl } from '../../access/access.ts'
import type { AuditLog } from '../../access/audit/audit-log.ts'
import type { Authentication } from '../../access/authentication.ts'
import type { Federation } from '../../access/federation/federation.ts'
import type { FederationRules } from '../../access/federation/rules.ts'
import type { TagProtections } from '../../access/protection/tag-protections.ts'
import type { Quotas } from '../../access/quota/quotas.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import type { Collector } from '../../collect/blobs/collect.ts'
import type { Pruner } from '../../collect/images/prune.ts'
import type { TestCredentialCommand } from '../../credentials/credential-test.ts'
import type { RegistryCredentials } from '../../credentials/registry-credentials.ts'
import type { ApplyDocumentsCommand } from '../../documents/apply.ts'
import type { DocumentSources } from '../../documents/image-stream-document.ts'
import type { ChangeLogView } from '../../events/change-log.ts'
import type { ImageReferences } from '../../imagestream/commands/image-reference.ts'
import type { ImportImageCommand } from '../../imagestream/commands/import-image.ts'
import type { StreamRemoval } from '../../imagestream/commands/remove-stream.ts'
import type { TagRemoval } from '../../imagestream/commands/remove-tag.ts'
import type { RollBackCommand } from '../../imagestream/commands/roll-back.ts'
import type { SetTagPolicyCommand } from '../../imagestream/commands/set-tag-policy.ts'
import type { Tagging } from '../../imagestream/commands/tag-image.ts'
import type { StreamWriter } from '../../imagestream/commands/write-stream.ts'
import type { Images } from '../../imagestream/image/images.ts'
import type { Importer } from '../../imagestream/import/import.ts'
import type { Schedules } from '../../imagestream/schedule/schedule.ts'
import type { ImageList } from '../../imagestream/stream/image-list.ts'
import type { Streams } from '../../imagestream/stream/stream.ts'
import type { StreamConditions } from '../../imagestream/stream/stream-conditions.ts'
import type { TagList } from '../../imagestream/stream/tag-list.ts'
import type { LookBack } from '../../imagestream/tag/look-back.ts'
import type { Policies } from '../../imagestream/tag/policies.ts'
import type { Tags } from '../../imagestream/tag/tag.ts'
import type { ReportedMoves } from '../../imagestream/watch/reported-moves.ts'
import type { RepositoryWatches } from '../../imagestream/watch/repository-watches.ts'
import type { Clusters } from '../../kubernetes/cluster/clusters.ts'
import type { Contacts } from '../../kubernetes/cluster/contact.ts'
import type { WorkloadReads } from '../../kubernetes/observe/workload-reads.ts'
import type { ResumeWorkload } from '../../kubernetes/reconcile/resume.ts'
import type { DeliveryHistory } from '../../receivers/delivery-history.ts'
import type { Receivers } from '../../receivers/receivers.ts'
import type { TestReceiverCommand } from '../../receivers/test-receiver.ts'
import type { UploadList } from '../../registry/content/upload-list.ts'
import type { RegistryUsage } from '../../registry/content/usage.ts'
import type { Mirrorings } from '../../registry/mirroring/mirrorings.ts'
import type { RegistryConfigurations } from '../../registry-config/registry-configurations.ts'
import type { HostStatus } from '../../remote/traffic/host-traffic.ts'
import type { Scrub } from '../../scrub/scrub.ts'
import type { Triggers } from '../../triggers/triggers.ts'
import type { Trust } from '../../trust/trust.ts'
import type { Senders } from '../../vendors/senders.ts'
import type { OperationWork } from '../work/operation-work.ts'

/** Dependencies of the resolvers: the domain, the request and its viewer. */
export interface GraphQLContext {
  /** Also in the response header `X-Request-Id` and in every log line of the request. */
  readonly requestId: string
  /** With the rights at the start of the operation; of a subscription, at each result. */
  viewer: Viewer
  /** Returns the viewer with its rights now; undefined when its credential is no longer valid. */
  readonly renew: Authentication['renew']
  readonly access: Pick<AccessControl, 'users' | 'sessions' | 'tokens' | 'grants' | 'uses'>
  /** What the operation uses of the server; has the signal that is aborted when its client is gone. */
  readonly work: OperationWork
  readonly audit: Pick<AuditLog, 'refuse' | 'page' | 'count' | 'bySequence' | 'verify'>
  readonly tagProtections: TagProtections
  readonly quotas: Quotas
  readonly changeLog: ChangeLogView
  readonly streams: Streams
  readonly streamConditions: Pick<StreamConditions, 'ofStreams'>
  readonly tags: Tags
  readonly tagList: TagList
  readonly imageList: ImageList
  readonly lookBack: LookBack
  readonly images: Images
  readonly importer: Importer
  readonly schedules: Pick<Schedules, 'ofStreams' | 'pages' | 'countOfStreams'>
  readonly watches: RepositoryWatches
  readonly reportedMoves: Pick<ReportedMoves, 'byId' | 'ofTags' | 'countOfTags'>
  readonly writer: StreamWriter
  readonly importImage: ImportImageCommand
  readonly applyDocuments: ApplyDocumentsCommand
  readonly tagging: Tagging
  readonly tagRemoval: TagRemoval
  readonly streamRemoval: StreamRemoval
  readonly policies: Pick<Policies, 'decisionOf' | 'applyFilters'>
  readonly setTagPolicy: SetTagPolicyCommand
  readonly rollBackTag: RollBackCommand
  /** Returns the repository that a stream's images can be pulled from. */
  readonly pullRepository: DocumentSources['pullRepository']
  readonly credentials: Pick<
    RegistryCredentials,
    'namespaces' | 'page' | 'count' | 'byId' | 'at' | 'set' | 'setAll' | 'delete'
  >
  readonly testCredential: TestCredentialCommand
  readonly receivers: ReceiversView
  readonly configurations: RegistryConfigurations
  readonly registry: RegistryView
  /** State of the check of all that is stored. */
  readonly scrub: ScrubView
  /** Copies of images into the integrated registry; null with an external registry. */
  readonly mirrorings: Mirrorings | null
  readonly imageReference: ImageReferences
  /** Returns the state of each registry host that was requested recently, in no order. */
  readonly remoteHosts: () => readonly HostStatus[]
  readonly trust: Pick<Trust, 'policies' | 'locations' | 'referrers' | 'verify'>
  readonly pruner: Pick<Pruner, 'plan' | 'prune'>
  readonly federation: FederationView
  readonly kubernetes: KubernetesView
  readonly triggers: TriggersView
  readonly server: ServerView
}

/** Clusters, and the workloads that were observed there. */
export interface KubernetesView {
  readonly clusters: Pick<
    Clusters,
    'seenBy' | 'byId' | 'byIds' | 'byName' | 'connect' | 'update' | 'disconnect'
  >
  readonly testCluster: Contacts['test']
  readonly workloads: WorkloadReads
  readonly resumeWorkload: ResumeWorkload
}

/** Triggers, what they do, and what people do with them. */
export interface TriggersView
  extends Pick<
    Triggers,
    | 'approve'
    | 'fire'
    | 'dryRun'
    | 'causesOf'
    | 'retryOne'
    | 'retrySince'
    | 'follow'
    | 'reads'
    | 'silentTriggersOf'
  > {
  readonly definitions: Omit<Triggers['definitions'], 'disable' | 'resumeEnded'>
  readonly targets: Pick<Triggers['targets'], 'byIds'>
  readonly keyPairs: Pick<Triggers['keyPairs'], 'publicKeys' | 'rotate'>
  readonly deliveries: Pick<Triggers['deliveries'], 'byIds'>
}

/** Rules that admit machines, and what they say about a token. */
export interface FederationView extends Pick<Federation, 'explain'> {
  readonly rules: FederationRules
}

/** An optional part of the server, as in the API. */
export type ServerFeature =
  | 'INTEGRATED_REGISTRY'
  | 'EXTERNAL_REGISTRY'
  | 'REMOTE_ACCESS'
  | 'SCHEDULED_PRUNING'
  | 'SCHEDULED_GARBAGE_COLLECTION'
  | 'DEFAULT_CREDENTIALS'

/** How clients sign in. */
export type SignInMode = 'OPEN' | 'TOKENS' | 'PROVIDER'

/** What clients may know about the server. */
export interface ServerView {
  readonly version: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly signIn: SignInMode
  readonly features: readonly ServerFeature[]
  /** Null keeps the log forever. */
  readonly logRetentionDays: number | null
  /** Limits of the transports; sizes in bytes. */
  readonly limits: {
    readonly depth: number
    readonly aliases: number
    readonly documentLength: number
    readonly bodySize: number
    readonly messageSize: number
    readonly socketOperations: number
  }
}

/** Receivers and their deliveries. */
export interface ReceiversView {
  readonly store: Receivers
  readonly senders: Senders
  readonly log: DeliveryHistory
  readonly test: TestReceiverCommand
  /** Returns the base URL of this server for other machines: `https://streams.example`. */
  readonly publicUrl: () => string
  /** Returns milliseconds since 1970. */
  readonly now: () => number
}

/** The check of all that is stored. */
export type ScrubView = Scrub['view']

/** The registry that images are pushed to. */
export interface RegistryView {
  /** Whether it is the registry of this server. */
  readonly isIntegrated: boolean
  /** Returns `host[:port]` for pull specs. */
  readonly host: () => string
  /** `host[:port]` for clients on other machines (`--registry-host`); null if not configured. */
  readonly publicHost: string | null
  readonly usage: RegistryUsage
  readonly uploads: UploadList
  readonly collector: Pick<Collector, 'collect' | 'plan' | 'last' | 'byId'>
}

/** The part of the context that is the same for every request. */
export type SharedContext = Omit<GraphQLContext, 'requestId' | 'viewer' | 'renew' | 'work'>
