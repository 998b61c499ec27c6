import type { Collector } from '../../collect/blobs/collect.ts'
import type { Pruner } from '../../collect/images/prune.ts'
import type { TestCredentialCommand } from '../../credentials/credential-test.ts'
import type { RegistryCredentials } from '../../credentials/registry-credentials.ts'
import type { ApplyDocumentsCommand } from '../../documents/apply.ts'
import type { DocumentSources } from '../../documents/manifest-document.ts'
import type { PushLog } from '../../events/push-log.ts'
import type { ImportImageCommand } from '../../imagestream/commands/import-image.ts'
import type { RollBackCommand } from '../../imagestream/commands/roll-back.ts'
import type { SetTagPolicyCommand } from '../../imagestream/commands/set-tag-policy.ts'
import type { Tagging } from '../../imagestream/commands/tag-image.ts'
import type { StreamWriter } from '../../imagestream/commands/write-stream.ts'
import type { Images } from '../../imagestream/image/image.ts'
import type { Importer } from '../../imagestream/import/import.ts'
import type { Schedules } from '../../imagestream/schedule/schedule.ts'
import type { Streams } from '../../imagestream/stream/stream.ts'
import type { LookBack } from '../../imagestream/tag/look-back.ts'
import type { Policies } from '../../imagestream/tag/policies.ts'
import type { Tags } from '../../imagestream/tag/tag.ts'
import type { ReportedMoves } from '../../imagestream/watch/reported-moves.ts'
import type { RepositoryWatches } from '../../imagestream/watch/watch-status.ts'
import type { RegistryUsage } from '../../registry/content/usage.ts'
import type { RegistryConfigurations } from '../../registry-config/registry-configurations.ts'
import type { HostStatus } from '../../remote/traffic/host-traffic.ts'
import type { Trust } from '../../trust/trust.ts'
import type { Senders } from '../../vendors/senders.ts'
import type { DeliveryLog } from '../../webhooks/delivery-log.ts'
import type { TestWebhookCommand } from '../../webhooks/test-webhook.ts'
import type { Webhooks } from '../../webhooks/webhooks.ts'

/** Who asks. Everybody is the same viewer until there is sign-in; operations of one viewer may share an execution. */
export interface Viewer {
  readonly id: string
}

/** What the resolvers know of the world: the domain, and who asks. */
export interface GraphQLContext {
  /** Also in the answer's `X-Request-Id` and in every log line of the request. */
  readonly requestId: string
  readonly viewer: Viewer
  readonly pushes: PushLog
  readonly streams: Streams
  readonly tags: Tags
  readonly lookBack: LookBack
  readonly images: Images
  readonly importer: Importer
  readonly schedules: Pick<Schedules, 'ofStreams'>
  readonly watches: RepositoryWatches
  readonly reportedMoves: Pick<ReportedMoves, 'ofTags' | 'countOfTags'>
  readonly writer: StreamWriter
  readonly importImage: ImportImageCommand
  readonly applyDocuments: ApplyDocumentsCommand
  readonly tagging: Tagging
  readonly policies: Pick<Policies, 'decisionOf'>
  readonly setTagPolicy: SetTagPolicyCommand
  readonly rollBackTag: RollBackCommand
  /** Where a stream's images can be pulled from. */
  readonly pullRepository: DocumentSources['pullRepository']
  readonly credentials: Pick<RegistryCredentials, 'ofNamespace' | 'set' | 'setAll' | 'delete'>
  readonly testCredential: TestCredentialCommand
  readonly webhooks: WebhooksView
  readonly configurations: RegistryConfigurations
  readonly registry: RegistryView
  /** The hosts of other registries that were asked lately, in no order, each once. */
  readonly remoteHosts: () => readonly HostStatus[]
  /** What is attached to images, and whether their signatures are those that streams ask for. */
  readonly trust: Pick<Trust, 'policies' | 'places' | 'referrers' | 'verify'>
  readonly pruner: Pick<Pruner, 'plan' | 'prune'>
}

/** What tells of pushes elsewhere. */
export interface WebhooksView {
  readonly store: Webhooks
  readonly senders: Senders
  readonly log: Pick<DeliveryLog, 'ofWebhooks' | 'countOf' | 'hintsOf' | 'targetsOf'>
  readonly test: TestWebhookCommand
  /** Where clients elsewhere find this server: `https://streams.example`. */
  readonly publicUrl: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The registry that images are pushed to. */
export interface RegistryView {
  /** Whether it is this server's own. */
  readonly isIntegrated: boolean
  /** `host[:port]` in pull specs. */
  readonly host: () => string
  /** The same where it was set for clients elsewhere; null when nobody said. */
  readonly publicHost: string | null
  readonly usage: RegistryUsage
  readonly collector: Pick<Collector, 'collect' | 'plan' | 'last'>
}

/** The part of the context that is the same for every request. */
export type Domain = Omit<GraphQLContext, 'requestId' | 'viewer'>
