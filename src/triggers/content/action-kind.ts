import type { Answer, Failure } from './answer.ts'
import type { MovedTag } from './moved-tag.ts'
import type { SignatureKey } from './signature.ts'

/** What a response may take. */
export interface ResponseLimits {
  /** Milliseconds. */
  readonly timeout: number
  /** Bytes of the body. */
  readonly maxBytes: number
}

/** A request to a receiver. */
export interface OutgoingRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH'
  readonly url: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** What a response may take instead of the usual; one beyond it is no response. */
  readonly limits?: Partial<ResponseLimits>
}

/** What a request needs besides the settings of its action. */
export interface ActionContext {
  /** Id of the delivery, the same at each attempt. */
  readonly id: string
  /** Milliseconds since 1970 of the attempt. */
  readonly at: number
  /** `https://streams.example.org`: this server for other machines. */
  readonly publicUrl: string
  /** Returns a secret of the action. Throws if it was not given. */
  readonly secret: (name: string) => string
  /** Secrets of the signature, the oldest first. */
  readonly signingSecrets: readonly string[]
  /** The private halves of this server’s key pairs. */
  readonly keyPairs: readonly SignatureKey[]
}

/** A response of a receiver, of whatever status. */
export interface ReceiverResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** An action that was checked: its secrets are stored apart, sealed. */
export interface CheckedAction<Settings> {
  readonly settings: Settings
  /** Host of the receiver, with its port: deliveries to other hosts do not wait for those to it. */
  readonly host: string
  /** Secrets by name, as far as they were given. */
  readonly secrets: Readonly<Record<string, string>>
  /** Names of the secrets without which the action cannot act. */
  readonly neededSecrets: readonly string[]
}

/** What a kind of action knows about a response; what is undefined stays as the status says. */
export type Verdict = Partial<Pick<Answer, 'failure' | 'link' | 'follow'>>

/** A kind of action: how it is defined, and what it sends. */
export interface ActionKind<Input, Settings> {
  /** Returns the action as it is stored. `field` is the path of the input. Throws InvalidInputError. */
  check(input: Input, field: string): CheckedAction<Settings>
  /** Returns the request for a move. Kinds without it are performed by another room. */
  request?(settings: Settings, move: MovedTag, context: ActionContext): OutgoingRequest
  /**
   * Completes what the status of a response says: why it is no acceptance in spite of it, what to do about the failure, the
   * link, the address to ask later. `failure` is what the status says: null for statuses from 200 to 299.
   */
  judge?(response: ReceiverResponse, settings: Settings, failure: Failure | null): Verdict
  /** Returns the request that asks for the link at the address that `judge` returned. */
  followRequest?(settings: Settings, url: string, context: ActionContext): OutgoingRequest
  /** Returns the link, and whether asking again is of no use. */
  followed?(response: ReceiverResponse): { readonly link: string | null; readonly isFinal: boolean }
}
