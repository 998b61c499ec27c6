import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'

/** Kinds of senders of webhooks. */
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
 * How deliveries are authenticated: a signature of the body with the secret, the secret in a header (`TOKEN`), the secret as
 * `?secret=` of the URL, or a token that the sender's platform signs with its own key (`JWT`).
 */
export type Authenticity = 'SIGNATURE' | 'TOKEN' | 'URL' | 'JWT'

/** A request to a webhook. */
export interface Delivery {
  readonly method: string
  /** Keys are in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** May contain the secret: never logged. */
  readonly query: URLSearchParams
  /** The bytes as sent, which signatures cover. */
  readonly body: Uint8Array
}

/** A reported change, which only a request to the registry confirms. */
export interface Hint {
  /** The host by which the sender names the registry; null when it names none: the registry of the webhook. */
  readonly registry: string | null
  readonly repository: string
  /** Null when the sender names no tag: any tag of the repository may have changed. */
  readonly tag: TagName | null
  readonly digest: Digest | null
  readonly action: 'push' | 'delete'
}

/** A parsed delivery. */
export interface ParsedDelivery {
  /** The sender's id of the delivery, which a repeated delivery has too; null when it has none. */
  readonly id: string | null
  /** In the order of the delivery, each once, at most `MAX_HINTS`; empty when no tag changed. */
  readonly hints: readonly Hint[]
  /** A line for the log, without secrets and control characters: `push of team/app:v1`, `ping`, `pull, ignored`. */
  readonly note: string
  /** Response to a handshake, in place of the default response. */
  readonly handshake?: HandshakeResponse
}

/** The response that a sender expects before it sends deliveries. */
export interface HandshakeResponse {
  readonly status: number
  /** Sent as JSON; null for an empty body. */
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** The result of authenticating a delivery. The reason is logged; it contains nothing of the secret. */
export type Authentication =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly reason: string
      /** True when the delivery cannot be verified at the moment: the response is 503 in place of 401. */
      readonly isTemporary?: boolean
    }

/** Settings of a webhook other than its secret. Each sender uses those that its `settings` name. */
export interface SenderSettings {
  /** The registry of the webhook, as in references; never taken from a delivery. */
  readonly registry: string | null
  /** Path before the image's name in references: `docker-virtual`, or empty; null for that of the delivery. */
  readonly pathPrefix: string | null
  /** The `aud` of tokens; null for the URL of the webhook. */
  readonly audience: string | null
  /** E-mail address of the account in tokens. */
  readonly serviceAccount: string | null
  /** False for a sender that sends the secret in place of a signature; null is true. */
  readonly isSigned: boolean | null
}

/** A webhook's endpoint as its sender knows it. */
export interface SenderEndpoint {
  /** Absolute URL without a query. */
  readonly url: string
  /** The newest secret, or a placeholder in documentation. */
  readonly secret: string
  readonly settings: SenderSettings
}

/** The image of a sample delivery. */
export interface SampleImage {
  readonly registry: string
  readonly repository: string
  readonly tag: TagName
  readonly digest: Digest
}

/** A kind of sender: authenticates and reads its deliveries, and describes its setup. Stateless. */
export interface Sender {
  readonly kind: SenderKind
  readonly title: string
  readonly authenticity: Authenticity
  /** POST, and OPTIONS for a sender with a handshake. */
  readonly methods: readonly ('POST' | 'OPTIONS')[]
  /** Settings that it uses; all use the registry. */
  readonly settings: { readonly [name in Exclude<keyof SenderSettings, 'registry'>]?: 'NEEDED' | 'OPTIONAL' }
  /** Authenticates a delivery with any of the valid secrets; an empty one matches nothing. Never rejects. */
  authenticate(
    delivery: Delivery,
    secrets: readonly string[],
    endpoint: Pick<SenderEndpoint, 'url' | 'settings'>,
  ): Promise<Authentication>
  /** Throws InvalidDeliveryError only, and not for a sender that repeats a refused delivery before all others. */
  read(delivery: Delivery, settings: SenderSettings): ParsedDelivery
  /** Returns the steps of the setup at the sender, each a sentence or a command. */
  setUp(endpoint: SenderEndpoint): readonly string[]
  /** Returns a delivery as the sender would send it, authenticated with the endpoint's secret; for `JWT` without a token. */
  sample(endpoint: SenderEndpoint, image: SampleImage): Delivery
}

/** A delivery does not have the sender's format; the message names the invalid part. */
export class InvalidDeliveryError extends Error {
  override readonly name = 'InvalidDeliveryError'
  readonly code = 'INVALID'
}

/** Hints of one delivery. One with more has hints of whole repositories, and at most this many of them. */
export const MAX_HINTS = 500
