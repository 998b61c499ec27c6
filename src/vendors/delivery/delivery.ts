import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'

/** A request to a receiver. */
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
  /** The host by which the sender names the registry; null when it names none: the registry of the receiver. */
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
  /** Response to a handshake, which a sender expects before its deliveries, in place of the default response. */
  readonly handshake?: DeliveryResponse
}

/** The HTTP response to a delivery. */
export interface DeliveryResponse {
  readonly status: number
  /** Sent as JSON; null for an empty body. */
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A delivery does not have the sender's format; the message names the invalid part. */
export class InvalidDeliveryError extends Error {
  override readonly name = 'InvalidDeliveryError'
  readonly code = 'INVALID'
}

/** Hints of one delivery. One with more has hints of whole repositories, and at most this many of them. */
export const MAX_HINTS = 500
