import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'

/** Who sends webhooks that can be read here, and in which form. */
export const SENDER_KINDS = [
  'DISTRIBUTION',
  'GITLAB',
  'DOCKER_HUB',
  'QUAY',
  'GITHUB',
  'HARBOR',
  'AZURE',
  'AZURE_EVENT_GRID',
  'ECR',
  'GOOGLE',
  'JFROG',
  'NEXUS',
  'ZOT',
  'ALIYUN',
  'GENERIC',
] as const
export type SenderKind = (typeof SENDER_KINDS)[number]

/**
 * How a delivery shows that it is the sender's: the secret signs the body, or stands in a header, or in the address
 * itself as `?secret=`; or the sender's platform signs a token, and there is no secret of ours at all.
 */
export type Authenticity = 'SIGNATURE' | 'TOKEN' | 'URL' | 'JWT'

/** One request, as it came. */
export interface Delivery {
  readonly method: string
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** May hold the secret: not for any log. */
  readonly query: URLSearchParams
  /** Byte by byte as sent: signatures are over these. */
  readonly body: Uint8Array
}

/** Something may have changed: only the registry itself says what. */
export interface Hint {
  /** As the sender names it, which may be a host of its own network; null: not said, so it is the endpoint's registry. */
  readonly registry: string | null
  readonly repository: string
  /** Null: which tags moved is not said, so any of the repository's may have. */
  readonly tag: TagName | null
  readonly digest: Digest | null
  readonly action: 'push' | 'delete'
}

/** What a delivery means. */
export interface ParsedDelivery {
  /** The sender's own name of the delivery, the same when it is sent again; null where it has none. */
  readonly id: string | null
  /** In the order told, none twice; empty for what moves no tag. At most `MAX_HINTS`. */
  readonly hints: readonly Hint[]
  /** One short line for the log, without secrets or control characters: `push of team/app:v1`, `ping`, `pull, ignored`. */
  readonly note: string
  /** What the sender waits for in place of a plain 2xx: handshakes. */
  readonly handshake?: HandshakeResponse
}

export interface HandshakeResponse {
  readonly status: number
  /** Sent as JSON; null for none. */
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Whether a delivery is the sender's. The reason is for the log, and tells nothing of the secret. */
export type Authentication =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly reason: string
      /** It cannot be found out at the moment, and the sender should try again: 503, not 401. */
      readonly isTemporary?: boolean
    }

/** What has to be known beside the secret. Which of these a sender looks at, its `settings` say. */
export interface SenderSettings {
  /** The registry of the endpoint, as references spell it. Nothing that a delivery says is taken for it. */
  readonly registry: string | null
  /** What stands before the image's name in references, in place of the sender's own: `docker-virtual`; empty: nothing. */
  readonly pathPrefix: string | null
  /** The `aud` of tokens; null: the address of the endpoint. */
  readonly audience: string | null
  /** The account that tokens must be of, as an e-mail address. */
  readonly serviceAccount: string | null
  /** Whether the secret signs the body, for a sender that can also show it plainly; null: it signs. */
  readonly isSigned: boolean | null
}

/** An endpoint as its sender sees it. */
export interface SenderEndpoint {
  /** Absolute, without query. */
  readonly url: string
  /** What stands for the secret in what is shown; for a sample the newest secret. */
  readonly secret: string
  readonly settings: SenderSettings
}

/** Which image a sample tells of. */
export interface SampleImage {
  readonly registry: string
  readonly repository: string
  readonly tag: TagName
  readonly digest: Digest
}

/** One kind of sender: how its deliveries are believed and read, and how it is told to send them. Keeps nothing. */
export interface Sender {
  readonly kind: SenderKind
  readonly title: string
  readonly authenticity: Authenticity
  /** POST, and OPTIONS where the sender asks first whether it may send. */
  readonly methods: readonly ('POST' | 'OPTIONS')[]
  /** The settings that it looks at, beside the registry, which every endpoint has. */
  readonly settings: { readonly [name in Exclude<keyof SenderSettings, 'registry'>]?: 'NEEDED' | 'OPTIONAL' }
  /**
   * Before anything is read. Any of several live secrets will do; none, or an empty one, matches nothing. `url` is the
   * endpoint's own address. Never throws.
   */
  authenticate(
    delivery: Delivery,
    secrets: readonly string[],
    place: Pick<SenderEndpoint, 'url' | 'settings'>,
  ): Promise<Authentication>
  /** Throws InvalidDeliveryError, and nothing else: a sender that would stall at a refusal is never refused here. */
  read(delivery: Delivery, settings: SenderSettings): ParsedDelivery
  /** What to do at the sender, step by step, each a sentence or a command. */
  setUp(place: SenderEndpoint): readonly string[]
  /**
   * A delivery as the sender would send it, shown or signed with the place's secret. A platform's token (`JWT`) nobody else
   * can sign: there it is missing.
   */
  sample(place: SenderEndpoint, image: SampleImage): Delivery
}

/** What was sent is no delivery of this sender; the message says which part is wrong. */
export class InvalidDeliveryError extends Error {
  override readonly name = 'InvalidDeliveryError'
  readonly code = 'INVALID'
}

/** Hints of one delivery: what tells of more is told of by repository, and beyond that not at all. */
export const MAX_HINTS = 500
